"""Constraints at work: before training on predictions, after it on measurements."""

import pytest

from nas.costs.constraint import Constraint, measured_violation
from nas.costs.predictor import CostPredictor
from search_space.cost import count_params
from tests.nas.nas_records import CONFIG
from tests.toys.metrics import whole_metrics
from tests.toys.step_table import TINY, made_table

REFERENCE = TINY.choices(TINY.reference())
# All kernels of 5: stem 3, head 1, 2 + 2 + 2 + 2 + 1 blocks of 5 against blocks of 3.
WIDE = {**REFERENCE, **{f"stage{number}.kernel_size": 5 for number in range(1, 6)}}
WIDE_RELATIVE = (3 + 1 + 9 * 5) / (3 + 1 + 9 * 3)


def screened(constraint: str, choices: dict[str, int | str], *, error: float = 0.0) -> str:
    """Return what the screen says of `choices` under one constraint."""
    table, constraints = made_table(relative_error=error), (Constraint.parse(constraint),)
    predictor = CostPredictor(TINY, CONFIG.proxy, 10, table, constraints=constraints)
    return predictor.violation(choices)


def test_predicted_costs_hold_what_the_reward_needs_besides_accuracy() -> None:
    predictor = CostPredictor(TINY, CONFIG.proxy, 10, made_table())
    reference, wide = predictor.costs(REFERENCE), predictor.costs(WIDE)
    assert reference.relative_params == 1
    assert reference.relative_step_time == pytest.approx(1)
    assert reference.step_time_s == pytest.approx(0.02)
    assert wide.relative_step_time == pytest.approx(WIDE_RELATIVE)
    assert wide.params == count_params(TINY.architecture(WIDE), 10)
    assert wide.relative_params == wide.params / reference.params
    assert wide.memory > reference.memory


def test_without_a_table_step_times_are_unknown_and_the_rest_is_not() -> None:
    costs = CostPredictor(TINY, CONFIG.proxy, 10).costs(REFERENCE)
    assert (costs.relative_step_time, costs.step_time_s) == (None, None)
    assert set(costs.by_quantity()) == {"params", "macs", "memory"}


def test_a_predicted_step_time_above_the_limit_is_infeasible_with_its_reason() -> None:
    reason = screened("step_time < 1.2", WIDE)
    assert reason == (
        f"predicted step_time {WIDE_RELATIVE:.3f} of the reference violates 'step_time < 1.2'"
    )
    assert screened("step_time < 1.2", REFERENCE) == ""
    assert screened("step_time < 21ms", REFERENCE) == ""
    assert "ms violates 'step_time < 21ms'" in screened("step_time < 21ms", WIDE)


def test_a_prediction_within_twice_the_tables_error_of_the_limit_is_let_through() -> None:
    assert screened("step_time < 1.2", WIDE, error=0.1)  # 1.58 less 20 % is 1.26
    assert screened("step_time < 1.2", WIDE, error=0.15) == ""  # less 30 % 1.11


def test_predicted_memory_above_the_limit_is_infeasible() -> None:
    assert screened("memory < 1MB", REFERENCE).startswith("predicted memory ")
    assert screened("memory < 100GB", REFERENCE) == ""


@pytest.mark.parametrize(
    ("constraint", "clock", "complaint"),
    [
        ("step_time < 1.2", "process_cpu", "measured step_time 1.300 of the reference violates"),
        ("step_time < 40ms", "process_cpu", "measured step_time 50.00 ms violates"),
        ("memory < 2GB", "cuda_event", "measured memory 3.000 GB violates"),
        ("memory < 2GB", "process_cpu", ""),  # there it is the whole process's
        ("step_time < 1.4", "process_cpu", ""),
        ("params < 1", "process_cpu", ""),  # exact, and judged before training
    ],
)
def test_what_was_measured_decides(constraint: str, clock: str, complaint: str) -> None:
    costs = whole_metrics(
        relative_step_time=1.3,
        step_time_s=0.05,
        peak_memory_bytes=3_000_000_000,
        timing_clock=clock,
    ).costs
    assert costs is not None
    reason = measured_violation(costs, [Constraint.parse(constraint)])
    assert reason == (f"{complaint} {constraint!r}" if complaint else "")
