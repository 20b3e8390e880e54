"""Both executors on one Ray of our own, with candidates that take no time."""

import math
import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nas.candidate import Choices
from nas.dispatch.dispatcher import Dispatcher
from nas.dispatch.job_queue import WorkerError
from nas.dispatch.result_files import Evaluate, ResultFiles
from nas.engine.engine import Engine
from nas.engine.events import Event
from nas.engine.ledger import Ledger
from nas.engine.study import quiet_optuna
from nas.execution.ray_actors import run_with_actors
from nas.metrics import Metrics
from nas.samplers import sampler_factory
from tests.toys.observer import ToyObserver
from tests.toys.space import ToyConstraints, ToySpace, toy_reward
from tests.toys.workers import make_on_a_full_disk, make_that_dies, make_with_threads
from trainer.cluster.ray_session import RaySession, ray_session

both_executors = pytest.mark.parametrize("executor", ["actors", "tune"])
executors = pytest.mark.parametrize(
    "executor", ["actors", pytest.param("tune", marks=pytest.mark.slow)]
)


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
    budget: int = 12,
    screen: Callable[[Choices], str] | None = None,
    on_note: Callable[[str], None] = lambda line: None,
) -> Engine:
    quiet_optuna()
    if executor == "tune":
        from nas.execution.ray_tune import run_with_tune as run
    else:
        run = run_with_actors
    with Ledger(folder / "ledger.jsonl", {}) as ledger:
        factory = sampler_factory("evolution", seed=0)
        toy_constraints = ToyConstraints(violation=screen) if screen else None
        engine = Engine(
            ToySpace(stages=4), factory, ledger, budget=budget, constraints=toy_constraints
        )
        results = ResultFiles(folder=folder, run_id=ledger.run_id)
        queue = Dispatcher(engine, results, observer=ToyObserver(on_note=on_note))
        signal = run(queue, session, make_evaluator)
        assert signal is None
    return engine


@both_executors
def test_workers_do_all_candidates_with_one_thread_each_and_not_niced(
    executor: str, session: RaySession, tmp_path: Path
) -> None:
    engine = search(executor, session, tmp_path, make_with_threads)
    assert engine.counts.complete == 12
    outcomes = [record.outcome for record in engine.records()]
    seen = Metrics(other={"threads": "1", "nice": os.nice(0)})
    assert all(outcome.metrics == seen for outcome in outcomes)
    assert 1 <= len({outcome.worker for outcome in outcomes}) <= 2  # processes are reused
    assert len(list(tmp_path.glob("*.json"))) == 12


@executors
def test_a_search_without_a_single_worker_says_so_and_goes_on_when_there_is_one(
    executor: str, session: RaySession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    class Hog:
        def is_up(self) -> bool:
            return True

    actor_class: Any = ray.remote(num_cpus=2)(Hog)
    hog = actor_class.remote()
    assert ray.get(hog.is_up.remote())
    monkeypatch.setattr("nas.execution.ray_actors.PATIENCE_S", 1.0)
    notes: list[str] = []

    terminal = threading.RLock()  # what is called has state that cannot be pickled

    def on_note(line: str) -> None:
        if line.startswith("waiting for the device"):
            return  # another program of this machine is timing
        with terminal:
            notes.append(line)
        if "no worker" in line:
            ray.kill(hog)

    engine = search(executor, session, tmp_path, make_with_threads, on_note=on_note)
    assert engine.counts.complete == 12
    assert [note.split(" for ")[0] for note in notes] == [
        "no worker has run",
        "a worker runs again",
    ]


@executors
def test_an_evaluator_that_cannot_be_made_is_our_fault_too(
    executor: str, session: RaySession, tmp_path: Path
) -> None:
    def make() -> Evaluate:
        raise ZeroDivisionError("while making it")

    with pytest.raises(WorkerError, match=r"(?s)evaluate.*Error: while making it"):
        search(executor, session, tmp_path, make)
    engine = search(executor, session, tmp_path, make_with_threads)  # continues the search
    assert engine.counts.complete == 12
    assert engine.counts.deaths == 0


@executors
def test_a_candidate_that_kills_every_worker_fails_and_the_others_go_on(
    executor: str, session: RaySession, tmp_path: Path
) -> None:
    engine = search(executor, session, tmp_path, partial(make_that_dies, 2), budget=5)
    assert engine.counts.complete == 4
    assert engine.counts.deaths == 3
    (record,) = [r for r in engine.records() if r.candidate.number == 2]
    assert record.outcome.reason.startswith("worker died 3 times (out of host memory?)")


@executors
def test_a_ledger_that_cannot_be_written_ends_the_search_and_stays_valid(
    executor: str, session: RaySession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_after_four(self: Ledger, *events: Event) -> None:
        if b'"number":4' in self.path.read_bytes():
            raise OSError(28, "No space left on device", str(self.path))
        append(self, *events)

    append = Ledger.append
    monkeypatch.setattr(Ledger, "append", full_after_four)
    with pytest.raises(OSError, match="No space left on device"):
        search(executor, session, tmp_path, make_with_threads)
    monkeypatch.undo()
    engine = search(executor, session, tmp_path, make_with_threads)
    assert engine.counts.complete == 12


@executors
def test_a_result_that_cannot_be_written_is_the_machines_fault_and_names_the_file(
    executor: str, session: RaySession, tmp_path: Path
) -> None:
    wanted = r"No space left on device: '\S+/\d\.json'"
    with pytest.raises(OSError, match=wanted):
        search(executor, session, tmp_path, make_on_a_full_disk)
    engine = search(executor, session, tmp_path, make_with_threads)
    assert engine.counts.complete == 12
    assert engine.counts.deaths == 0


@executors
def test_a_constraint_that_nothing_meets_is_the_callers_fault(
    executor: str, session: RaySession, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no candidate can be tried"):
        search(executor, session, tmp_path, make_with_threads, screen=lambda choices: "too large")


@pytest.mark.slow
def test_a_tuner_of_ones_own_searches_with_the_engine(session: RaySession, tmp_path: Path) -> None:
    from ray import tune

    from nas.execution.ray_searcher import EngineSearcher

    def trainable(config: dict[str, Any]) -> None:
        reward = math.nan if config["number"] == 3 else toy_reward(config["choices"])
        tune.report({"reward": reward, "depth": config["choices"]["stage1.depth"]})

    quiet_optuna()
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        engine = Engine(ToySpace(), sampler_factory("tpe", seed=0), ledger, budget=6)
        tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=EngineSearcher(Dispatcher(engine)), num_samples=-1, reuse_actors=True
            ),
            run_config=tune.RunConfig(storage_path=str(tmp_path / "tune"), verbose=0),
        ).fit()
    assert engine.counts.complete == 5
    for record in engine.records():
        if record.candidate.number == 3:
            assert record.outcome.reason == "reward is nan"
        else:
            assert record.outcome.reward == toy_reward(record.candidate.choices)
            depth = record.candidate.choices["stage1.depth"]
            assert record.outcome.metrics.other["depth"] == depth


def test_more_workers_than_there_is_room_for_are_refused(session: RaySession) -> None:
    with (
        pytest.raises(ValueError, match=r"workers must be <= 2, the CPUs .*, got 3"),
        ray_session(workers=3, logical_cpus=2),
    ):
        pass
    with pytest.raises(ValueError, match="workers must be >= 1, got 0"), ray_session(workers=0):
        pass
    with (
        pytest.raises(ValueError, match=r"gpus_per_worker must be .*, got 1\.5"),
        ray_session(workers=1, gpus_per_worker=1.5),
    ):
        pass
