"""Architectures: checks, JSON round trips and keys."""

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given

from search_space.architecture import Architecture, BlockType, Stage
from tests.strategies import architectures

STAGE = Stage(block=BlockType.MBCONV, depth=2, width=24)
SMALL = Architecture(stem_width=16, stages=(STAGE,), head_width=64)


@given(architectures())
def test_json_keeps_value_and_key(architecture: Architecture) -> None:
    copy = Architecture.from_dict(json.loads(json.dumps(architecture.to_dict())))
    assert copy == architecture
    assert copy.key == architecture.key
    assert hash(copy) == hash(architecture)


@given(architectures(), architectures())
def test_keys_are_equal_exactly_where_values_are(one: Architecture, other: Architecture) -> None:
    assert (one.key == other.key) == (one == other)


def test_the_key_does_not_change_between_releases() -> None:
    # Ledgers and files of earlier runs contain keys.
    assert SMALL.key == "9409abc8553c"


def test_whole_and_decimal_ratios_are_one_value() -> None:
    whole = replace(STAGE, se_ratio=0)
    assert whole == replace(STAGE, se_ratio=0.0)
    assert replace(SMALL, stages=(whole,)).key == SMALL.key


def test_block_types_may_be_given_by_name() -> None:
    assert replace(STAGE, block="fused_mbconv").block is BlockType.FUSED_MBCONV  # type: ignore[arg-type]


def test_values_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        SMALL.stem_width = 8  # type: ignore[misc]


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("block", "dense", "one of mbconv, fused_mbconv"),
        ("depth", 0, ">= 1"),
        ("depth", 2.0, "a whole number"),
        ("depth", True, "a whole number"),
        ("depth", 1001, "at most 1000"),
        ("depth", 10**9, "at most 1000"),
        ("width", 100_008, "at most 100000"),
        ("expand_ratio", 101, "at most 100"),
        ("width", 20, "a positive multiple of 8"),
        ("width", -8, "a positive multiple of 8"),
        ("kernel_size", 4, "3, 5 or 7"),
        ("expand_ratio", 0, ">= 1"),
        ("expand_ratio", "4", "a whole number"),
        ("stride", 3, "1 or 2"),
        ("se_ratio", 1.5, r"in \[0, 1\]"),
        ("se_ratio", float("nan"), r"in \[0, 1\]"),
        ("se_ratio", None, "a number"),
    ],
)
def test_a_bad_stage_is_rejected_by_field_and_rule(field: str, value: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=rf"Stage\.{field} must be {rule}, got "):
        replace(STAGE, **{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("stem_width", 12), ("stem_width", 8 * 10**6), ("head_width", 0), ("head_width", "1280")],
)
def test_a_bad_architecture_is_rejected_by_field(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"Architecture\.{field} must be "):
        replace(SMALL, **{field: value})


def test_an_architecture_needs_a_stage() -> None:
    with pytest.raises(ValueError, match=r"Architecture\.stages must hold at least one"):
        Architecture(stem_width=8, stages=())


def test_the_number_of_stages_and_of_all_blocks_is_limited() -> None:
    with pytest.raises(ValueError, match=r"stages must hold at most 100, got 101"):
        replace(SMALL, stages=(STAGE,) * 101)
    deepest = replace(STAGE, depth=1000)
    assert len(replace(SMALL, stages=(deepest,) * 10).stages) == 10
    with pytest.raises(ValueError, match="the sum of all depths must be at most 10000, got 10002"):
        replace(SMALL, stages=(*(deepest,) * 10, STAGE))


def _without(key: str) -> dict[str, Any]:
    return {name: value for name, value in SMALL.to_dict().items() if name != key}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (_without("stem_width"), r"Architecture lacks \['stem_width'\]"),
        ({**SMALL.to_dict(), "colour": 1}, r"unknown keys \['colour'\]"),
        ({**SMALL.to_dict(), "stages": 3}, r"Architecture\.stages must be a list"),
        ({**SMALL.to_dict(), "stages": ["x"]}, r"stages\[1\] must be a mapping"),
        (
            {**SMALL.to_dict(), "stages": [{"block": "mbconv", "depth": 1}]},
            r"stages\[1\] lacks \['width'\]",
        ),
        (
            {**SMALL.to_dict(), "stages": [{"block": "mbconv", "depth": 0, "width": 8}]},
            r"stages\[1\]: Stage\.depth must be >= 1, got 0",
        ),
        ([], "Architecture must be a mapping"),
    ],
)
def test_damaged_data_is_rejected_by_its_place(data: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Architecture.from_dict(data)
