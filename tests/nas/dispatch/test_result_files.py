import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.candidate import Candidate, Outcome
from nas.dispatch.dispatcher import Dispatcher
from nas.dispatch.result_files import ResultFiles
from nas.engine.engine import Engine
from nas.engine.ledger import Ledger
from nas.engine.study import quiet_optuna
from nas.samplers import sampler_factory
from tests.toys.observer import ToyObserver
from tests.toys.space import ToySpace, toy_outcome
from trainer.stop_signals import stop_signals

SPACE = ToySpace()
CHOICES = {d.name: d.options[0] for d in SPACE.decisions() if d.requires is None}
CANDIDATE = Candidate(number=3, choices=CHOICES, key=SPACE.key(CHOICES))


def never(candidate: Candidate) -> Outcome:
    raise AssertionError("evaluated again")


@pytest.fixture
def results(tmp_path: Path) -> ResultFiles:
    return ResultFiles(folder=tmp_path, run_id="run")


def test_an_outcome_is_on_file_and_is_not_worked_for_again(results: ResultFiles) -> None:
    outcome = results.load_or_evaluate(CANDIDATE, toy_outcome)
    assert outcome == toy_outcome(CANDIDATE)
    assert results.load_or_evaluate(CANDIDATE, never) == results.find(CANDIDATE) == outcome


def test_what_another_run_or_another_candidate_left_is_not_ours(results: ResultFiles) -> None:
    ResultFiles(folder=results.folder, run_id="other").save(CANDIDATE, Outcome.failed("theirs"))
    assert results.find(CANDIDATE) is None
    other = Candidate(number=3, choices=CHOICES, key="other")
    results.save(other, Outcome.failed("another"))
    assert results.load_or_evaluate(CANDIDATE, toy_outcome) == toy_outcome(CANDIDATE)


def test_a_damaged_file_is_named(results: ResultFiles) -> None:
    results.path(CANDIDATE).write_text('{"schema": "nas.result/1"')
    with pytest.raises(ValueError, match=r"3\.json is damaged: "):
        results.find(CANDIDATE)


def test_a_worker_that_does_not_see_the_folder_returns_its_outcome(tmp_path: Path) -> None:
    elsewhere = ResultFiles(folder=tmp_path / "not here", run_id="run")
    assert elsewhere.load_or_evaluate(CANDIDATE, toy_outcome) == toy_outcome(CANDIDATE)
    assert not elsewhere.folder.exists()


def test_two_workers_at_one_candidate_do_it_once(results: ResultFiles) -> None:
    started, may_end = threading.Event(), threading.Event()

    def slow(candidate: Candidate) -> Outcome:
        started.set()
        assert may_end.wait(10)
        return toy_outcome(candidate)

    found: list[Outcome] = []
    orphan = threading.Thread(
        target=lambda: found.append(results.load_or_evaluate(CANDIDATE, slow))
    )
    orphan.start()
    assert started.wait(10)
    second = threading.Thread(
        target=lambda: found.append(results.load_or_evaluate(CANDIDATE, never))
    )
    second.start()
    second.join(0.1)
    assert second.is_alive()  # it waits for the first
    may_end.set()
    orphan.join(10)
    second.join(10)
    assert found == [toy_outcome(CANDIDATE)] * 2


class TestDispatcher:
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[Ledger]:
        quiet_optuna()
        with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
            yield ledger

    def engine(self, ledger: Ledger, *, budget: int = 3) -> Engine:
        return Engine(SPACE, sampler_factory("random", seed=0), ledger, budget=budget)

    def test_what_was_finished_after_the_drivers_death_is_recovered(
        self, ledger: Ledger, results: ResultFiles
    ) -> None:
        engine = self.engine(ledger)
        first, second = engine.ask(), engine.ask()
        assert first is not None
        results.load_or_evaluate(first, toy_outcome)  # by a worker without a driver
        told: list[int] = []
        observer = ToyObserver(lambda record: told.append(record.candidate.number))
        queue = Dispatcher(engine, results, observer=observer)
        assert queue.recovered == 1
        assert told == [first.number]
        assert queue.next_job() == second
        assert not results.path(first).with_suffix(".lock").exists()

    def test_a_driver_writes_what_a_distant_worker_only_returned(
        self, ledger: Ledger, results: ResultFiles
    ) -> None:
        queue = Dispatcher(self.engine(ledger), results)
        candidate = queue.next_job()
        assert candidate is not None
        queue.complete(candidate, toy_outcome(candidate))
        assert results.find(candidate) == toy_outcome(candidate)
        assert not queue.is_idle or queue.next_job() is not None

    def test_a_death_hands_the_candidate_out_again_until_it_is_its_own_fault(
        self, ledger: Ledger, results: ResultFiles
    ) -> None:
        engine = self.engine(ledger, budget=1)
        queue = Dispatcher(engine, results)
        handed_out = []
        while candidate := queue.next_job():
            handed_out.append(candidate)
            queue.worker_died(candidate, "killed")
        assert handed_out == [handed_out[0]] * 3
        (record,) = engine.records()
        assert record.outcome.reason == "worker died 3 times (out of host memory?): killed"
        assert queue.is_idle

    def test_a_worker_that_died_after_its_work_has_done_it(
        self, ledger: Ledger, results: ResultFiles
    ) -> None:
        engine = self.engine(ledger, budget=1)
        queue = Dispatcher(engine, results)
        candidate = queue.next_job()
        assert candidate is not None
        results.load_or_evaluate(candidate, toy_outcome)
        queue.worker_died(candidate, "killed")
        assert engine.records()[0].outcome == toy_outcome(candidate)
        assert engine.counts.deaths == 0


def test_a_signal_is_a_stop_request_inside_the_block_only() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as stop:
        assert not stop.requested()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal is signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before
