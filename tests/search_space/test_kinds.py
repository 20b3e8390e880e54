"""Kinds of values from files: numbers, texts, nested lists and mappings, dataclasses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from search_space.kinds import is_of_kind, wrong_entry, wrong_field


@dataclass(frozen=True)
class Inner:
    name: str
    share: float | None


@dataclass(frozen=True)
class Outer:
    split: Literal["test", "train"]
    rows: tuple[tuple[int, ...], ...] | None
    inner: tuple[Inner, ...]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (3, int, True),
        (3, float, True),
        (3.0, int, False),
        (True, int, False),
        (True, float, False),
        (True, bool, True),
        (float("nan"), float, False),
        (float("inf"), float, False),
        ("3", float, False),
        (None, float | None, True),
        (None, float, False),
        (0, None, False),
        ("test", Literal["test", "train"], True),
        ("tests", Literal["test", "train"], False),
        (1, Literal[True], False),
        ([], tuple[int, ...], True),
        ([1, 2], tuple[int, ...], True),
        ((1, 2.0), list[int], False),
        ("12", tuple[str, ...], False),
        ([[0, 1]], list[tuple[int, int]], True),
        ([[0, 1, 2]], list[tuple[int, int]], False),
        ({"a": 1}, dict[str, float], True),
        ({"a": "1"}, Mapping[str, float], False),
        ({1: 1}, dict[str, float], False),
        ([], dict[str, Any], False),
        ([1], dict[str, Any] | list[int], True),
    ],
)
def test_a_value_is_of_a_kind_or_not(value: object, kind: Any, expected: bool) -> None:
    assert is_of_kind(value, kind) is expected


def test_the_first_field_that_is_wrong_is_named() -> None:
    good = Outer(split="test", rows=((1, 2), (3,)), inner=(Inner("a", None), Inner("b", 1)))
    assert wrong_field(good) is None
    wrong: Any = "half"
    bad = Outer(split="test", rows=None, inner=(Inner("a", wrong),))
    assert wrong_field(bad) == "inner is (Inner(name='a', share='half'),)"
    assert wrong_field(Inner("a", wrong)) == "share is 'half'"


def test_entries_that_are_missing_or_of_no_kind_are_right() -> None:
    kinds = {"steps": int, "name": str}
    assert wrong_entry({"other": 1.5, "steps": 3}, kinds) is None
    assert wrong_entry({"steps": 3.5, "name": 1}, kinds) == "steps is 3.5"
