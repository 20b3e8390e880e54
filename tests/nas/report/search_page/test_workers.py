"""Time line of the workers: from times of the ledger, without the time between sessions."""

from dataclasses import replace

import pytest

from nas.candidate import Outcome
from nas.engine.events import Asked, Event, Opened, Told
from nas.engine.job import Training
from nas.report.search_page.search_run import FinishedTraining, SearchRun
from nas.report.search_page.workers import timeline, workers_chart
from tests.nas.nas_records import failed, trained
from tests.nas.report.search_page.searches import search
from tests.toys.metrics import with_metrics


def told(number: int, worker: str, end: float, seconds: float) -> Told:
    outcome = replace(trained(number, 0.5).outcome, worker=worker, seconds=seconds)
    return Told(number=number, outcome=outcome, time=end)


def opened(time: float) -> Opened:
    return Opened(pid=1, host="h", time=time)


def asked(number: int, time: float) -> Asked:
    return Asked(**trained(number, 0.5).candidate.to_dict(), time=time)


TWO_WORKERS: tuple[Event, ...] = (
    opened(100.0),
    asked(0, 101.0),
    asked(1, 101.0),
    told(0, "h/7", 110.0, 8.0),
    told(1, "h/8", 115.0, 12.0),
)


def test_work_begins_before_its_recorded_end_by_its_duration() -> None:
    found = timeline(search(events=TWO_WORKERS))
    assert found is not None
    assert [(one.worker, one.start, one.end) for one in found.work] == [
        ("h/7", 2.0, 10.0),
        ("h/8", 3.0, 15.0),
    ]
    assert found.seconds == 15.0
    chart = workers_chart(found)
    assert [row.label for row in chart.rows] == ["h/7", "h/8"]
    assert chart.legend == (("one", "trained"),)


def test_utilisation_is_the_busy_share_of_the_workers_time() -> None:
    run = search(events=TWO_WORKERS)
    config = run.files.config.model_copy(update={"workers": 2})
    found = timeline(replace(run, files=replace(run.files, config=config)))
    assert found is not None
    assert found.utilisation == pytest.approx(20 / 30)
    assert found.line == "2 workers were busy for 66.67 % of 0:15 in 1 session."


def test_only_the_first_of_many_workers_are_drawn() -> None:
    ends = tuple(told(number, f"h/{number}", 110.0 + number, 5.0) for number in range(50))
    found = timeline(search(events=(opened(100.0), *ends)))
    assert found is not None
    assert len(workers_chart(found).rows) == 48
    assert found.left_out == "The first 48 of 50 workers are drawn."


def test_the_wait_for_the_device_is_told_apart() -> None:
    waited = with_metrics(trained(0, 0.5), device_wait_s=65.0).outcome
    end = Told(number=0, outcome=replace(waited, worker="h/7", seconds=90.0), time=200.0)
    found = timeline(search(events=(opened(100.0), asked(0, 101.0), end)))
    assert found is not None
    assert found.line.endswith("in 1 session. In 1:05 of it, other processes held the device.")
    (span,) = workers_chart(found).rows[0].spans
    assert ("of it, waiting for the device", "1:05") in span.facts


def test_the_time_between_sessions_is_left_out() -> None:
    later = (opened(1000.0), asked(2, 1001.0), told(2, "h/9", 1006.0, 4.0))
    found = timeline(search(events=(*TWO_WORKERS, *later)))
    assert found is not None
    assert found.work[-1].start == 15.0 + 2.0
    assert found.work[-1].end == 15.0 + 6.0
    assert (found.seconds, found.sessions) == (21.0, 2)


def with_training(time: float | None) -> SearchRun:
    training = Training.of(trained(0, 0.5).candidate, seed=3, epochs=9)
    done = FinishedTraining(training=training, worker="h/7", seconds=6.0, time=time)
    return replace(search(events=(*TWO_WORKERS, opened(1000.0))), trainings=(done,))


def test_a_finalists_training_belongs_to_the_session_before_it() -> None:
    found = timeline(with_training(130.0))
    assert found is not None
    assert (found.work[-1].start, found.work[-1].end) == (24.0, 30.0)
    assert found.work[-1].label == "candidate 0, seed 3"
    assert (found.seconds, found.sessions, found.unknown) == (30.0, 1, 0)


def test_a_training_without_a_time_is_counted_and_not_drawn() -> None:
    found = timeline(with_training(None))
    assert found is not None
    assert len(found.work) == 2
    assert found.unknown == 1


def test_without_outcomes_of_workers_there_is_no_time_line() -> None:
    assert timeline(search()) is None
    lost = Told(number=0, outcome=Outcome.failed("killed"), time=9.0)
    assert timeline(search([failed(0)], events=(opened(1.0), asked(0, 2.0), lost))) is None
