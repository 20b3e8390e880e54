"""A search with several rungs: it resumes exactly, and trains every rung once."""

import os
import random
from collections import Counter
from pathlib import Path

import pytest

from nas.candidate import Candidate, Outcome, Record, State
from nas.dispatch.limits import Limits
from nas.engine.engine import MAX_DEATHS, Engine
from nas.engine.events import Proposed, RungTold
from nas.engine.job import Job
from nas.engine.ledger import Ledger, read_ledger
from nas.engine.search_state import SearchState
from nas.engine.study import quiet_optuna
from nas.metrics import Metrics
from nas.report.notes import rung_costs, rung_notes
from nas.samplers import sampler_factory
from nas.session import time_note
from nas.settings.config import SearchConfig
from nas.units import Duration
from tests.toys.rungs import CONFIG, rung_outcome
from tests.toys.space import ToySpace
from trainer.config import ProxyConfig


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_optuna()
    monkeypatch.setattr(os, "fsync", lambda fd: None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def make(path: Path, *, sampler: str = "evolution", budget: int = 40) -> tuple[Engine, Ledger]:
    ledger = Ledger(path, {"sampler": sampler})
    factory = sampler_factory(sampler, seed=7)
    engine = Engine(
        ToySpace(),
        factory,
        ledger,
        budget=budget,
        seed=7,
        rungs=CONFIG.rungs,
        eta=CONFIG.eta,
        pruning=CONFIG.pruning_rule,
    )
    return engine, ledger


def drive(engine: Engine, *, workers: int = 1, seed: int = 0) -> Counter[str]:
    """Search to the end with workers that finish out of order; return what they did."""
    rng, running, done = random.Random(seed), list(engine.pending()), Counter[str]()
    while True:
        while len(running) < workers and (job := engine.ask()):
            running.append(job)
        if not running:
            return done
        job = running.pop(rng.randrange(len(running)))
        done[job.file_stem] += 1
        engine.tell(job, rung_outcome(job))


def told(records: tuple[Record, ...]) -> list[tuple[Candidate, Outcome]]:
    return [(record.candidate, record.outcome) for record in records]


@pytest.mark.parametrize("sampler", ["evolution", "tpe", "auto"])
def test_a_search_cut_anywhere_goes_on_exactly(path: Path, sampler: str) -> None:
    engine, ledger = make(path, sampler=sampler, budget=24)
    with ledger:
        drive(engine)
    lines = path.read_bytes().splitlines(keepends=True)
    assert sum(b'"event":"rung"' in line for line in lines) >= 8
    for cut in range(2, len(lines), 7):
        path.write_bytes(b"".join(lines[:cut]))
        resumed, ledger = make(path, sampler=sampler, budget=24)
        with ledger:
            drive(resumed)
        assert told(resumed.records()) == told(engine.records())


def test_a_spent_budget_is_not_the_end_while_somebody_is_to_go_on(path: Path) -> None:
    """Which is what a search says that ran out of time."""
    engine, ledger = make(path, budget=6)
    config = SearchConfig(
        data="digits",
        budget=6,
        fidelity="progressive",
        time_budget=Duration.parse("1m"),
        proxy=ProxyConfig(image_size=16),
    )
    late, early = Limits(ends=0.0), Limits()
    with ledger:
        for _ in range(6):
            job = engine.ask()
            assert job is not None
            while job.rung:  # promotions come first
                engine.tell(job, rung_outcome(job))
                job = engine.ask()
                assert job is not None
            engine.tell(job, rung_outcome(job))
        assert engine.counts.charged == 6
        has_more = engine.has_more
        assert has_more
        assert "6 of 6 candidates tried, but promotions to the next rung are left" in time_note(
            config, late, engine
        )
        assert time_note(config, early, engine) == ""
        drive(engine)
        has_more = engine.has_more
        assert not has_more
        assert time_note(config, late, engine) == ""


@pytest.mark.parametrize("workers", [1, 5])
def test_the_budget_counts_candidates_and_no_rung_is_done_twice(path: Path, workers: int) -> None:
    engine, ledger = make(path)
    with ledger:
        done = drive(engine, workers=workers)
        assert engine.ask() is None
    assert set(done.values()) == {1}
    records = engine.records()
    assert len(records) == engine.counts.finished == 40
    assert sum(name.endswith("r0") for name in done) == 40
    assert 40 // 3 <= sum(name.endswith("r1") for name in done) < 20
    assert sum(name.endswith("r2") for name in done) >= 1
    state = SearchState(read_ledger(path).events)
    assert told(tuple(state.records)) == told(records)
    assert state.best is not None
    assert engine.best is not None
    assert state.best.candidate == engine.best.candidate


def test_the_best_is_of_the_highest_rung_whatever_the_rewards_below(path: Path) -> None:
    engine, ledger = make(path)
    with ledger:
        drive(engine)
    assert engine.best is not None
    trained = [r for r in engine.records() if r.outcome.state is State.COMPLETE]
    assert engine.best.rung == 2
    assert engine.best.outcome.reward == max(r.outcome.reward for r in trained if r.rung == 2)


def test_a_small_budget_still_trains_one_candidate_to_the_end(path: Path) -> None:
    engine, ledger = make(path, budget=2)
    with ledger:
        done = drive(engine)
    assert sorted(done) == ["0-r0", "0-r1", "0-r2", "1-r0"] or sorted(done) == [
        "0-r0",
        "1-r0",
        "1-r1",
        "1-r2",
    ]


def test_a_failure_above_takes_the_candidate_out_and_keeps_what_it_cost(path: Path) -> None:
    engine, ledger = make(path)
    with ledger:
        drive(engine)
    accounts = rung_costs(engine.records())
    for account in accounts:
        assert account.device_seconds == pytest.approx(
            1.5
            * sum(
                account.rung in r.outcome.metrics.device_seconds.by_rung
                for r in engine.records()
                if r.outcome.metrics.device_seconds
            )
        )
    failed = [
        r
        for r in engine.records()
        if r.outcome.state is State.FAIL and r.outcome.metrics != Metrics()
    ]
    assert failed  # one failed above the first rung, and its metrics are still there
    assert all(record.outcome.reward == 0.0 for record in failed)
    assert rung_notes(engine.records()) == []  # nothing was timed


def test_a_death_above_hands_the_rung_out_again_until_it_is_the_candidates_fault(
    path: Path,
) -> None:
    engine, ledger = make(path)
    with ledger:
        while (job := engine.ask()) is not None and job.rung == 0:
            engine.tell(job, rung_outcome(job))
        assert job is not None
        for _ in range(MAX_DEATHS - 1):
            assert engine.worker_died(job, "killed")
        assert engine.pending() == (job,)
        assert not engine.worker_died(job, "killed")
        engine.tell(job, Outcome.failed("worker died"))
        record = next(r for r in engine.records() if r.candidate.number == job.number)
        assert (record.outcome.state, record.deaths) == (State.FAIL, MAX_DEATHS)
        with pytest.raises(ValueError, match="must be in flight"):
            engine.tell(job, Outcome.failed("again"))


def test_a_promoted_candidate_carries_what_is_known_of_it(path: Path) -> None:
    engine, ledger = make(path)
    with ledger:
        known: dict[int, Outcome] = {}
        while (job := engine.ask()) is not None:
            if job.rung:
                assert job.known == known[job.number].metrics
                reached = known[job.number].training.rung
                assert reached is not None
                assert job.rung == reached.number + 1
            else:
                assert job.known == Metrics()
            known[job.number] = engine.tell(job, rung_outcome(job)).outcome


def test_every_rung_is_a_trial_of_its_own_to_the_sampler(path: Path) -> None:
    engine, ledger = make(path)
    with ledger:
        drive(engine)
    events = read_ledger(path).events
    numbers = [event.number for event in events if isinstance(event, Proposed | RungTold)]
    assert numbers == list(range(len(numbers)))


def test_checkpoints_in_use_are_few_at_the_end_and_cover_what_is_under_way(path: Path) -> None:
    engine, ledger = make(path)
    with ledger:
        job = engine.ask()
        assert job is not None
        assert (job.number, 0) in set(engine.checkpoints_in_use())
        while isinstance(job, Job):
            used = set(engine.checkpoints_in_use())
            assert job.rung == 0 or (job.number, job.rung - 1) in used
            engine.tell(job, rung_outcome(job))
            job = engine.ask()
        assert not set(engine.checkpoints_in_use())
