"""The time that a training still takes, against trainings whose times are known."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toys.training import recipe
from trainer.fit.plan import TrainPlan, make_plan
from trainer.fit.step import StepReport
from trainer.run.time_left import TrainingClock, evaluations_left, seconds_by_size, steps_left

SIZES = st.integers(8, 600)
SECONDS = st.floats(1e-4, 100)


def plan(**changes: object) -> TrainPlan:
    # 64 images by 16: 4 steps an epoch, 16 steps; two phases of 8 steps, at 8 and at 16 px
    return make_plan(recipe(**changes), num_images=64, train_size=16, eval_size=16, seed=0)


def report(step: int, phase: int, seconds: float) -> StepReport:
    return StepReport(
        step=step,
        phase=phase,
        loss=1.0,
        top1=0.5,
        learning_rate=0.1,
        applied=True,
        wait_s=0.0,
        images=16,
        seconds=seconds,
        train_seconds=0.0,
    )


@given(st.lists(SIZES, min_size=1, unique=True), st.lists(SIZES, min_size=1), SECONDS)
def test_times_proportional_to_the_area_are_exact(
    known: list[int], wanted: list[int], per_pixel: float
) -> None:
    found = seconds_by_size({size: per_pixel * size**2 for size in known}, wanted)
    assert found == pytest.approx([per_pixel * size**2 for size in wanted])


@given(st.lists(SIZES, min_size=2, unique=True), st.lists(SIZES, min_size=1), SECONDS, SECONDS)
def test_with_two_sizes_a_constant_part_is_exact_too(
    known: list[int], wanted: list[int], constant: float, per_pixel: float
) -> None:
    measured = {size: constant + per_pixel * size**2 for size in known}
    expected = [constant + per_pixel * size**2 for size in wanted]
    assert seconds_by_size(measured, wanted) == pytest.approx(expected)


@given(st.dictionaries(SIZES, SECONDS, min_size=1), SIZES)
def test_an_estimate_is_between_constant_and_proportional(
    measured: dict[int, float], size: int
) -> None:
    (found,) = seconds_by_size(measured, [size])
    nearest = min(measured, key=lambda known: (abs(known - size), known))
    bounds = sorted((measured[nearest], measured[nearest] * size**2 / nearest**2))
    assert bounds[0] * (1 - 1e-9) <= found <= bounds[1] * (1 + 1e-9)


@pytest.mark.parametrize(
    ("done", "expected"), [(0, [8, 8]), (3, [5, 8]), (8, [0, 8]), (15, [0, 1]), (16, [0, 0])]
)
def test_steps_of_each_phase_are_counted(done: int, expected: list[int]) -> None:
    assert steps_left(plan(), done) == expected


@given(
    st.sampled_from(
        [{"epochs": 1}, {"epochs": 0.3}, {"steps": 3}, {"steps": 5}, {"fraction": 0.3}]
    ),
    st.integers(0, 16),
)
def test_evaluations_are_those_that_the_plan_makes(every: dict[str, float], done: int) -> None:
    made = plan(evaluate_every=every)
    due = [made.is_due(made.recipe.evaluate_every, step) for step in range(done + 1, 17)]
    assert evaluations_left(made, done) == sum(due)


def test_later_phases_cost_more() -> None:
    clock = TrainingClock(plan(), evaluated_images=48)
    assert clock.seconds_left(0) is None
    clock.stepped(report(1, 0, 50.0), 50.0)  # the warm-up
    assert clock.seconds_left(1) is None
    clock.stepped(report(2, 0, 1.0), 1.0)
    # 6 steps of 1 s, 8 steps with 4 times the area, and 4 evaluations (the first after step 4) of
    # 48 images, each a third of a step of 16 images at 16 px: 48 / 16 x 4 / 3 = 4 s
    assert clock.seconds_left(2) == pytest.approx(6 + 8 * 4 + 4 * 4)
    clock.evaluated(2.0)
    assert clock.seconds_left(4) == pytest.approx(4 + 8 * 4 + 3 * 2)


def test_a_measured_phase_replaces_its_estimate() -> None:
    clock = TrainingClock(plan(), evaluated_images=0)
    for step in range(1, 9):
        clock.stepped(report(step, 0, 1.0), 1.0)
    for step, seconds in ((9, 30.0), (10, 2.0), (11, 3.0)):
        clock.stepped(report(step, 1, seconds), seconds)
    assert clock.seconds_left(11) == pytest.approx(5 * 2.5)
    assert clock.seconds_left(16) == 0


@given(SECONDS, st.floats(0, 10))
def test_the_time_left_never_grows_with_the_steps(seconds: float, evaluation: float) -> None:
    clock = TrainingClock(plan(), evaluated_images=10)
    clock.stepped(report(1, 0, seconds), seconds)
    clock.stepped(report(2, 0, seconds), seconds)
    clock.evaluated(evaluation)
    left = [clock.seconds_left(done) or 0.0 for done in range(17)]
    assert all(later <= sooner for sooner, later in pairwise(left))
    assert left[-1] == 0


def test_waiting_for_the_device_counts() -> None:
    clock = TrainingClock(plan(), evaluated_images=0)
    for step in (1, 2, 3):
        clock.stepped(report(step, 0, 1.0), 3.0)  # a timer had the device for two thirds
    assert clock.seconds_left(3) == pytest.approx(3 * (5 * 1 + 8 * 4))
