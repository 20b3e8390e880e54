"""Constraints: what can be written, and what they refuse."""

import pytest

from nas.costs.constraint import Constraint, measured_violation
from tests.toys.metrics import LATENCY, whole_metrics


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
        ("step_time < 1.2", "step_time", "<", 1.2),
        ("step_time < 40ms", "step_time_s", "<", 0.04),
        ("step_time <= 0.5 s", "step_time_s", "<=", 0.5),
        ("step_time > 250us", "step_time_s", ">", 0.00025),
        ("latency < 1.2", "latency", "<", 1.2),
        ("latency < 20ms", "latency_s", "<", 0.02),
        ("Latency <= 250 us", "latency_s", "<=", 0.00025),
        ("memory < 20GB", "memory", "<", 20_000_000_000),
        ("memory < 512 MiB", "memory", "<", 512 * 1024 * 1024),
        ("memory < 1.5gib", "memory", "<", 1_610_612_736),
        ("memory < 900KB", "memory", "<", 900_000),
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
        ("speed < 3", "one of params, macs, step_time, latency, memory, got 'speed'"),
        ("params < 24MB", "unit must be K, M, G or B, got 'MB'"),
        ("step_time < 3m", "unit must be us, ms or s, got 'm'"),
        ("latency < 3MB", "unit must be us, ms or s, got 'MB'"),
        ("memory < 20G", "unit must be B, KB, MB, GB, TB, KiB, MiB, GiB or TiB, got 'G'"),
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


@pytest.mark.parametrize(
    ("text", "quantity", "value", "violated"),
    [
        ("step_time < 1.0", "step_time", 1.2, False),  # 1.2 less a fifth is 0.96
        ("step_time < 1.0", "step_time", 1.3, True),  # 1.04
        ("step_time < 1ms", "step_time_s", 0.0012, False),
        ("step_time < 1ms", "step_time_s", 0.0013, True),
        ("step_time > 1.0", "step_time", 0.9, False),  # 0.9 and a fifth is 1.08
        ("step_time > 1.0", "step_time", 0.8, True),  # 0.96
        ("params < 10", "params", 11, True),  # counted exactly: no margin
    ],
)
def test_only_a_clear_violation_of_a_predicted_step_time_counts(
    text: str, quantity: str, value: float, violated: bool
) -> None:
    reason = Constraint.parse(text).violation({quantity: value}, margin=0.2)
    assert bool(reason) is violated


def test_what_is_not_known_violates_nothing() -> None:
    assert Constraint.parse("step_time < 1.2").violation({"params": 1}) == ""


@pytest.mark.parametrize(
    ("text", "costs", "reason"),
    [
        ("step_time < 1.2", {"step_time": 1.25}, "step_time 1.250 of the reference violates"),
        ("step_time < 9ms", {"step_time_s": 0.01}, "step_time 10.00 ms violates"),
        ("memory < 1GB", {"memory": 1.5e9}, "memory 1.500 GB violates"),
        ("latency < 1.2", {"latency": 1.25}, "latency 1.250 of the reference violates"),
        ("latency < 20ms", {"latency_s": 0.0256}, "latency 25.60 ms violates"),
    ],
)
def test_a_violation_is_told_in_the_units_of_people(
    text: str, costs: dict[str, float], reason: str
) -> None:
    assert Constraint.parse(text).violation(costs) == f"{reason} {text!r}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("latency < 20ms", "measured latency 24.00 ms violates 'latency < 20ms'"),
        ("latency < 1.2", "measured latency 1.500 of the reference violates 'latency < 1.2'"),
        ("latency < 24.5ms", ""),
        ("latency < 1.6", ""),
    ],
)
def test_the_measured_latency_is_limited(text: str, reason: str) -> None:
    costs = whole_metrics(**LATENCY).costs  # 24 ms, 1.5 of the reference network's
    assert costs is not None
    assert measured_violation(costs, [Constraint.parse(text)]) == reason


def test_a_latency_that_was_not_measured_violates_nothing() -> None:
    costs = whole_metrics().costs
    assert costs is not None
    assert measured_violation(costs, [Constraint.parse("latency < 1us")]) == ""


def test_kinds_of_times_are_told_apart() -> None:
    texts = ("latency < 1", "latency < 1s", "step_time < 1", "step_time < 1s", "params < 1")
    parsed = [Constraint.parse(text) for text in texts]
    assert [one.is_of_latency for one in parsed] == [True, True, False, False, False]
    assert [one.is_of_step_time for one in parsed] == [False, False, True, True, False]
