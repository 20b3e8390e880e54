"""The time that a search still takes, against searches whose times are known."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.candidate import Outcome, Record, State
from nas.report.time_left import (
    MeasuredJobs,
    SearchWork,
    candidates_left_s,
    finalists_left_s,
)
from nas.settings.config import SearchConfig
from tests.nas.nas_records import failed, infeasible, trained
from tests.nas.search_work import work
from trainer.config import ProxyConfig


def record(number: int, seconds: float, *, rung: int = 0) -> Record:
    """Return a trained candidate; its timing took 3 s of the seconds in rung 0."""
    done = trained(number, 0.5)
    values = dict(done.outcome.metrics.to_dict())
    if rung:
        values |= {"rung": rung, "rung_image_size": 16, "rungs_trained_again": 0}
    metrics = type(done.outcome.metrics).from_dict(values)
    return replace(done, outcome=replace(done.outcome, seconds=seconds, metrics=metrics))


def test_the_work_of_a_search_with_finalists() -> None:
    settings = {
        "proxy": ProxyConfig(image_size=32, epochs=6),
        **{"budget": 27, "fidelity": "progressive", "workers": 4},
        **{"finalists": 3, "finalist_seeds": 2, "finalist_epochs": 9},
    }
    found = SearchWork.of(SearchConfig.model_validate(settings))
    # Three rungs of two epochs at 16, 24 and 32 px; the finalists train at 32 px.
    assert list(found.rungs) == [2 * 16**2, 2 * 24**2, 2 * 32**2]
    assert (found.finalist_trainings, found.finalist_work) == (6, 9 * 32**2)
    assert [found.jobs(rung) for rung in range(3)] == [27, 9, 3]


def test_before_any_result_nothing_is_known() -> None:
    measured = MeasuredJobs(work(finalist_trainings=2))
    assert candidates_left_s(measured) is None
    assert finalists_left_s(measured, 0) is None


def test_a_finished_search_has_no_time_left() -> None:
    measured = MeasuredJobs(work(1, finalist_trainings=2), [record(0, 10.0)])
    assert candidates_left_s(measured) == 0
    assert finalists_left_s(measured, 2) == 0


def test_candidates_and_finalists_of_one_worker() -> None:
    measured = MeasuredJobs(work(4, finalist_trainings=2))
    measured.add(record(0, 13.0))
    assert candidates_left_s(measured) == pytest.approx(3 * 13)
    # Two trainings of twice the 10 s of training, and 3 s of timing each.
    assert finalists_left_s(measured, 0) == pytest.approx(2 * 23)
    measured.add_finalist(30.0)
    assert finalists_left_s(measured, 1) == pytest.approx(30)


def test_workers_share_the_candidates_and_the_rounds_of_finalists() -> None:
    measured = MeasuredJobs(work(8, workers=2, finalist_trainings=5, finalist_work=1.0))
    for number in range(4):
        measured.add(record(number, 13.0))
    # One of the four that are left is half done: 3.5 x 13 s on two workers.
    assert candidates_left_s(measured) == pytest.approx(3.5 * 13 / 2)
    assert finalists_left_s(measured, 0) == pytest.approx(3 * 13)


def test_rungs_that_were_not_reached_cost_their_work() -> None:
    measured = MeasuredJobs(work(9, rungs=(1.0, 4.0, 9.0), finalist_work=20.0))
    for number in range(9):
        measured.add(record(number, 5.0))  # 2 s of training for 1 of work
    assert candidates_left_s(measured) == pytest.approx(3 * 8 + 1 * 18)
    measured.add(record(0, 12.0, rung=1))  # 3 s for 1 of work, in the higher rung
    assert candidates_left_s(measured) == pytest.approx(2 * 12 + 1 * 27)


def test_a_resumed_search_knows_the_rungs_below() -> None:
    known = [record(0, 12.0, rung=1), record(1, 5.0), record(2, 5.0), infeasible(3)]
    measured = MeasuredJobs(work(3, rungs=(1.0, 4.0)), known)
    assert measured.finished == [3, 1]
    assert candidates_left_s(measured) == 0


def test_candidates_that_fail_or_are_dropped_are_quick() -> None:
    measured = MeasuredJobs(work(4))
    measured.add(record(0, 13.0))
    dropped = Outcome(state=State.DROPPED, metrics=failed(1).outcome.metrics, seconds=1.0)
    measured.add(replace(failed(1), outcome=dropped))
    assert candidates_left_s(measured) == pytest.approx(2 * 7)


@given(
    budget=st.integers(1, 40),
    workers=st.integers(1, 8),
    seconds=st.floats(3, 1000),
    finalists=st.integers(0, 6),
)
def test_the_time_left_falls_to_zero_and_more_workers_are_not_slower(
    budget: int, workers: int, seconds: float, finalists: int
) -> None:
    left: list[float] = []
    one = MeasuredJobs(work(budget, finalist_trainings=finalists))
    many = MeasuredJobs(work(budget, workers=workers, finalist_trainings=finalists))
    for number in range(budget):
        for measured in (one, many):
            measured.add(record(number, seconds))
        ours, alone = candidates_left_s(many), candidates_left_s(one)
        assert ours is not None
        assert alone is not None
        assert ours <= alone + 1e-9
        left.append(ours)
    assert all(later <= sooner + 1e-9 for sooner, later in pairwise(left))
    assert left[-1] == 0
    of_one, of_many = finalists_left_s(one, 0), finalists_left_s(many, 0)
    assert (of_one or 0) >= (of_many or 0) >= 0
