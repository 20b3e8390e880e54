"""Candidates that raise, grow, hang or freeze, with both executors."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from nas.candidate import Record, State
from nas.dispatch.dispatcher import Dispatcher
from nas.dispatch.limits import Limits, Timeout, TooManyFailuresError
from nas.dispatch.result_files import Evaluate, ResultFiles
from nas.engine.engine import Engine
from nas.engine.ledger import Ledger
from nas.engine.study import quiet_optuna
from nas.execution.ray_actors import run_with_actors
from nas.samplers import sampler_factory
from tests.toys.space import ToySpace
from tests.toys.workers import (
    make_that_hangs,
    make_that_raises,
    make_with_faults,
    make_with_threads,
)
from trainer.cluster.ray_session import RaySession, ray_session

executors = pytest.mark.parametrize(
    "executor", ["actors", pytest.param("tune", marks=pytest.mark.slow)]
)
SMALL = Limits(worker_memory_bytes=400 * 2**20)


@pytest.fixture(scope="module")
def session() -> Iterator[RaySession]:
    with ray_session(workers=2, logical_cpus=2) as session:
        yield session


def search(
    executor: str,
    session: RaySession,
    folder: Path,
    make_evaluator: Callable[[], Evaluate],
    *,
    budget: int = 9,
    limits: Limits,
) -> dict[int, Record]:
    quiet_optuna()
    if executor == "tune":
        from nas.execution.ray_tune import run_with_tune as run
    else:
        run = run_with_actors
    with Ledger(folder / "ledger.jsonl", {}) as ledger:
        engine = Engine(ToySpace(), sampler_factory("random", seed=0), ledger, budget=budget)
        results = ResultFiles(folder=folder, run_id=ledger.run_id)
        run(Dispatcher(engine, results, limits=limits), session, make_evaluator)
    return {record.candidate.number: record for record in engine.records()}


@executors
def test_what_a_candidate_does_wrong_is_recorded_with_its_reason_and_the_search_goes_on(
    executor: str, session: RaySession, tmp_path: Path
) -> None:
    make = partial(make_with_faults, tmp_path)
    records = search(executor, session, tmp_path, make, limits=SMALL)
    failed = {n: r.outcome for n, r in records.items() if r.outcome.state is State.FAIL}
    assert set(failed) == {1, 2}
    assert len(records) == 9
    assert all(outcome.reward == 0.0 for outcome in failed.values())
    assert failed[1].reason == "ZeroDivisionError: no such block"
    assert failed[2].reason.startswith("out of memory: its worker held 0.")
    # The disk's fault is not the candidate's, which is tried again.
    assert {n: record.deaths for n, record in records.items() if record.deaths} == {3: 1}
    text = (tmp_path / "1.error.txt").read_text()
    assert text.startswith("candidate 1: ZeroDivisionError: no such block\n\nTraceback ")
    assert "in evaluate" in text
    assert sorted(tmp_path.glob("*.error.txt")) == [tmp_path / "1.error.txt"]
    # A process that met an exception is not used again.
    spoilt = failed[1].worker.partition("/")[2]
    assert spoilt not in {r.outcome.worker for n, r in records.items() if n > 3}


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["actors", "tune"])
def test_what_hangs_is_stopped_and_not_tried_again(
    executor: str, session: RaySession, tmp_path: Path
) -> None:
    limits = Limits(timeout=Timeout(seconds=15))
    records = search(executor, session, tmp_path, make_that_hangs, budget=6, limits=limits)
    failed = {n: r.outcome for n, r in records.items() if r.outcome.state is State.FAIL}
    assert set(failed) == {1, 2}
    assert all(o.reason.startswith("timeout: not done after ") for o in failed.values())
    assert all(outcome.seconds >= 15 for outcome in failed.values())
    assert len(records) == 6
    assert not any(record.deaths for record in records.values())


@executors
def test_too_many_failures_in_a_row_stop_the_session_and_the_next_one_goes_on(
    executor: str, session: RaySession, tmp_path: Path
) -> None:
    limits = Limits(max_failures=3)
    make = partial(make_that_raises, ZeroDivisionError("by the same fault"))
    with pytest.raises(
        TooManyFailuresError,
        match=r"4 candidates in a row failed: ZeroDivisionError: by the same fault \(4 times\)",
    ) as stopped:
        search(executor, session, tmp_path, make, budget=8, limits=limits)
    assert "in evaluate" in stopped.value.traceback
    records = search(executor, session, tmp_path, make_with_threads, budget=8, limits=limits)
    # What the other worker was at when the session stopped may have come to its end as well.
    assert sum(record.outcome.state is State.FAIL for record in records.values()) in (4, 5)
    assert len(records) == 8
