import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nas.candidate import Candidate, Choices, Outcome, Record, State
from nas.engine.engine import MAX_DEATHS, Engine
from nas.engine.events import Duplicate, OtherEvent
from nas.engine.ledger import Ledger, read_ledger
from nas.engine.search_state import SearchState
from nas.engine.study import quiet_optuna
from nas.samplers import sampler_factory
from tests.toys.space import ToyConstraints, ToySpace, toy_outcome

every_sampler = pytest.mark.parametrize("sampler", ["random", "tpe", "evolution", "auto"])


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_optuna()
    monkeypatch.setattr(os, "fsync", lambda fd: None)  # 10,000 of them are not what is tested


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


def make(
    path: Path,
    *,
    sampler: str = "random",
    budget: int = 60,
    stages: int = 3,
    screen: Callable[[Choices], str] | None = None,
) -> tuple[Engine, Ledger]:
    ledger = Ledger(path, {"sampler": sampler})
    factory = sampler_factory(sampler, seed=7)
    space = ToySpace(stages=stages)
    toy_constraints = ToyConstraints(violation=screen) if screen else None
    return Engine(
        space, factory, ledger, budget=budget, seed=7, constraints=toy_constraints
    ), ledger


def outcome_of(candidate: Candidate) -> Outcome:
    """A toy reward, and every ninth candidate fails."""
    return Outcome.failed("NaN") if candidate.number % 9 == 4 else toy_outcome(candidate)


def drive(engine: Engine, *, workers: int = 1, seed: int = 0) -> None:
    """Search to the end with workers that finish out of order."""
    rng, running = random.Random(seed), list(engine.pending())
    while True:
        while len(running) < workers and (candidate := engine.ask()):
            running.append(candidate)
        if not running:
            return
        engine.tell(candidate := running.pop(rng.randrange(len(running))), outcome_of(candidate))


def told(records: tuple[Record, ...]) -> list[tuple[Candidate, Outcome]]:
    return [(record.candidate, record.outcome) for record in records]


def shy_of_fused(choices: Choices) -> str:
    return "fused stage1" if choices["stage1.block"] == "fused" else ""


@every_sampler
@pytest.mark.parametrize(
    ("screen", "step"),
    [pytest.param(None, 1, marks=pytest.mark.slow), (None, 5), (shy_of_fused, 9)],
)
def test_a_search_cut_anywhere_goes_on_exactly(
    path: Path, sampler: str, screen: Callable[[Choices], str] | None, step: int
) -> None:
    engine, ledger = make(path, sampler=sampler, screen=screen)
    with ledger:
        drive(engine)
    whole = told(engine.records())
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > 120
    for cut in range(2, len(lines), step):  # each line may be the last that a kill lets through
        path.write_bytes(b"".join(lines[:cut]))
        asked = sum(b'"event":"asked"' in line for line in lines[:cut])
        budget = min(asked + 2, 60)
        resumed, ledger = make(path, sampler=sampler, screen=screen, budget=budget)
        with ledger:
            drive(resumed)
        assert resumed.counts.finished == budget
        assert told(resumed.records()) == whole[: len(resumed.records())]


@every_sampler
def test_with_several_workers_the_order_of_completion_comes_from_the_ledger(
    path: Path, sampler: str
) -> None:
    engine, ledger = make(path, sampler=sampler, budget=40)
    with ledger:
        drive(engine, workers=4)
    lines = path.read_bytes().splitlines(keepends=True)
    firsts = []  # of the lines that one ask wrote: duplicates, and what was asked at last
    for number in range(2, len(lines)):
        if b'"duplicate"' not in lines[number - 1] and b'"told"' not in lines[number]:
            firsts.append(number)
    assert len(firsts) == 40
    for cut in firsts:
        path.write_bytes(b"".join(lines[:cut]))
        resumed, ledger = make(path, sampler=sampler, budget=40)
        with ledger:
            candidate = resumed.ask()
        (line,) = [e for e in lines[cut:] if b'"event":"asked"' in e][:1]
        assert candidate is not None
        assert candidate.to_dict() == Candidate.from_dict(json.loads(line)).to_dict()


@every_sampler
def test_no_candidate_is_tried_twice_and_the_budget_is_exact(path: Path, sampler: str) -> None:
    engine, ledger = make(path, sampler=sampler, budget=100)
    with ledger:
        drive(engine, workers=5)
        assert engine.ask() is None
    keys = [record.candidate.key for record in engine.records()]
    assert len(keys) == len(set(keys)) == engine.counts.finished == 100
    numbers = [record.candidate.number for record in engine.records()]
    assert len(numbers) + engine.counts.duplicates == max(numbers) + 1
    assert engine.counts.failed == sum(number % 9 == 4 for number in numbers)


def test_a_small_space_is_searched_to_its_last_point(path: Path) -> None:
    engine, ledger = make(path, sampler="evolution", stages=2, budget=1000)
    with ledger:
        drive(engine, workers=3)
    assert engine.counts.finished == 12 * 9
    assert engine.note == "all 108 candidates of the space are known"
    # A sampler that only repeats itself gets ever less patience: 100, 50, 25, ... duplicates.
    assert engine.counts.duplicates < 12 * 9 * 30


def test_a_duplicate_of_what_is_in_flight_teaches_nothing(path: Path) -> None:
    engine, ledger = make(path, stages=1, budget=9)  # nine points: duplicates come soon
    with ledger:
        asked = [engine.ask() for _ in range(9)]
        assert len({candidate.key for candidate in asked if candidate}) == 9
        assert engine.ask() is None
    duplicates = [e for e in read_ledger(path).events if isinstance(e, Duplicate)]
    assert duplicates
    assert all(event.reward is None for event in duplicates)


def test_a_larger_budget_extends_a_search(path: Path) -> None:
    engine, ledger = make(path, budget=10)
    with ledger:
        drive(engine)
    engine, ledger = make(path, budget=25)
    with ledger:
        assert engine.counts.finished == 10
        drive(engine)
    assert engine.counts.finished == 25


def test_what_breaks_a_constraint_is_recorded_and_not_charged(path: Path) -> None:
    engine, ledger = make(path, budget=20, screen=shy_of_fused)
    with ledger:
        drive(engine)
    assert engine.counts.finished == 20
    refused = [r for r in engine.records() if r.outcome.state is State.INFEASIBLE]
    assert len(refused) == engine.counts.infeasible > 0
    assert all(r.candidate.choices["stage1.block"] == "fused" for r in refused)
    assert all(r.outcome == Outcome.infeasible("fused stage1") for r in refused)


def test_what_breaks_a_constraint_by_its_measurement_is_charged(path: Path) -> None:
    engine, ledger = make(path, budget=4)
    with ledger:
        for over in (True, False, True, False):
            candidate = engine.ask()
            assert candidate is not None
            outcome = toy_outcome(candidate)
            if over:
                outcome = replace(
                    outcome, state=State.INFEASIBLE, reward=0.0, reason="measured step_time"
                )
            engine.tell(candidate, outcome)
        assert engine.ask() is None
        counts = engine.counts
    assert (counts.complete, counts.over_limit, counts.infeasible) == (2, 2, 0)
    assert counts.charged == 4
    assert engine.best is not None
    assert engine.best.outcome.state is State.COMPLETE
    again, ledger = make(path, budget=4)
    with ledger:
        assert again.counts == counts


def test_a_constraint_that_nothing_meets_is_an_error_with_its_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.engine.engine.MAX_REJECTED", 200)
    engine, ledger = make(path, stages=5, screen=lambda choices: "params 9 violates 'params < 1'")
    with (
        ledger,
        pytest.raises(
            ValueError, match=r"no candidate can be tried: 200 proposals in a row .* 'params < 1'"
        ),
    ):
        engine.ask()
    engine, ledger = make(path, stages=5, screen=lambda choices: "still")
    with ledger, pytest.raises(ValueError, match="no candidate can be tried"):
        engine.ask()


def test_a_constraint_that_nothing_more_meets_ends_the_search(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.engine.engine.MAX_REJECTED", 200)
    tried: list[Choices] = []

    def only_five(choices: Choices) -> str:
        tried.append(choices)
        return "" if len(tried) <= 5 else "enough"

    engine, ledger = make(path, stages=5, screen=only_five)
    with ledger:
        drive(engine)
    assert engine.counts.finished == 5
    assert "200 proposals in a row break a constraint" in engine.note


def test_a_candidate_that_kills_its_workers_is_tried_three_times(path: Path) -> None:
    engine, ledger = make(path)
    with ledger:
        candidate = engine.ask()
        assert candidate is not None
        again = [engine.worker_died(candidate, "killed") for _ in range(MAX_DEATHS - 1)]
    resumed, ledger = make(path)
    with ledger:
        assert resumed.pending() == (candidate,)
        assert [*again, resumed.worker_died(candidate, "killed")] == [True, True, False]
        record = resumed.tell(candidate, Outcome.failed("worker died 3 times"))
    assert record.deaths == resumed.counts.deaths == 3


def test_only_what_is_in_flight_can_be_told(path: Path) -> None:
    engine, ledger = make(path)
    with ledger:
        candidate = engine.ask()
        assert candidate is not None
        engine.tell(candidate, toy_outcome(candidate))
        with pytest.raises(ValueError, match="candidate 0 must be in flight"):
            engine.tell(candidate, toy_outcome(candidate))
    with pytest.raises(ValueError, match=r"Engine\.budget must be >= 1, got 0"):
        make(path, budget=0)


def test_reports_read_the_same_book_without_an_engine(path: Path) -> None:
    engine, ledger = make(path, screen=shy_of_fused)
    with ledger:
        drive(engine, workers=3)
        state = SearchState(read_ledger(path).events)
    assert told(tuple(state.records)) == told(engine.records())
    assert state.counts == engine.counts


def test_a_failed_write_leaves_the_candidate_in_flight(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, ledger = make(path)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with ledger:
        candidate = engine.ask()
        assert candidate is not None
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left on device.*ledger\.jsonl"):
            engine.tell(candidate, toy_outcome(candidate))
        assert engine.pending() == (candidate,)
    assert SearchState(read_ledger(path).events).pending == {
        0: Candidate.from_dict(candidate.to_dict())
    }


def test_a_damaged_event_is_refused_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path, {}) as ledger:
        ledger.append(OtherEvent(data={"event": "asked", "number": 0}))  # without a key
    with pytest.raises(ValueError, match=r"jsonl: line 3 is damaged"):
        Ledger(path, {})
