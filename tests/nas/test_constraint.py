"""Constraints: what can be written, and what they refuse."""

import pytest

from nas.constraint import Constraint


@pytest.mark.parametrize(
    ("text", "quantity", "comparison", "limit"),
    [
        ("params < 24M", "params", "<", 24_000_000),
        ("params<24m", "params", "<", 24_000_000),
        ("  macs <= 9G ", "macs", "<=", 9_000_000_000),
        ("macs < 0.5B", "macs", "<", 500_000_000),
        ("params > 150k", "params", ">", 150_000),
        ("params >= 1e5", "params", ">=", 100_000),
        ("MACS < .5M", "macs", "<", 500_000),
    ],
)
def test_these_read_as_meant(text: str, quantity: str, comparison: str, limit: float) -> None:
    constraint = Constraint.parse(text)
    assert (constraint.quantity, constraint.comparison) == (quantity, comparison)
    assert constraint.limit == limit
    assert constraint.text == text.strip()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must read like"),
        ("params", "must read like"),
        ("params = 3M", "must read like"),
        ("params < -3M", "must read like"),
        ("params < 3M and macs < 2G", "must read like"),
        ("speed < 3", "one of params, macs, got 'speed'"),
        ("params < 24MB", "unit must be K, M, G or B, got 'MB'"),
    ],
)
def test_these_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Constraint.parse(text)


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("params < 10", 9, True),
        ("params < 10", 10, False),
        ("params <= 10", 10, True),
        ("params > 10", 10, False),
        ("params >= 10", 10, True),
    ],
)
def test_the_limit_itself_is_treated_as_written(text: str, value: int, holds: bool) -> None:
    assert (Constraint.parse(text).violation({"params": value, "macs": 0}) == "") is holds


def test_a_violation_names_value_and_constraint() -> None:
    reason = Constraint.parse("macs < 9G").violation({"params": 1, "macs": 12_345_678_901})
    assert reason == "macs 12,345,678,901 violates 'macs < 9G'"
