"""Start points are proposed first, in order and once, after an interruption too."""

import json
import os
import random
from pathlib import Path

import pytest

from nas.candidate import Candidate, Choices
from nas.engine.engine import Engine
from nas.engine.events import Asked, Duplicate, Proposed, Rejected
from nas.engine.ledger import Ledger, read_ledger
from nas.engine.study import quiet_optuna
from nas.samplers import sampler_factory
from search_space.architecture_file import ArchitectureFile, save_architecture
from search_space.nearest import start_points
from search_space.space import SearchSpace
from tests.toys.space import ToyConstraints, ToySpace, toy_outcome

SPACE = ToySpace()
POINTS = [SPACE.sample(random.Random(seed)) for seed in (1, 2, 3)]
FIRST = [POINTS[0], POINTS[1], POINTS[0], POINTS[2]]  # the third is the first again
every_sampler = pytest.mark.parametrize("sampler", ["evolution", "controller", "nsga2"])


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_optuna()
    monkeypatch.setattr(os, "fsync", lambda fd: None)


def rejection(choices: Choices) -> str:
    return "too close to the second" if SPACE.key(choices) == SPACE.key(POINTS[1]) else ""


def drive(path: Path, sampler: str, *, budget: int = 24, workers: int = 1) -> list[Candidate]:
    """Search with workers that finish in order; return the candidates in the order of results."""
    factory = sampler_factory(sampler, seed=5)
    with Ledger(path, {"sampler": sampler}) as ledger:
        engine = Engine(
            SPACE,
            factory,
            ledger,
            budget=budget,
            constraints=ToyConstraints(violation=rejection),
            first=FIRST,
        )
        running = list(engine.pending())
        while True:
            while len(running) < workers and (candidate := engine.ask()):
                running.append(candidate)
            if not running:
                return [record.candidate for record in engine.records()]
            engine.tell(candidate := running.pop(0), toy_outcome(candidate))


@every_sampler
def test_start_points_are_proposed_first_and_marked_in_the_ledger(
    tmp_path: Path, sampler: str
) -> None:
    drive(path := tmp_path / "ledger.jsonl", sampler, workers=2)
    events = [event for event in read_ledger(path).events if isinstance(event, Proposed)]
    starts = [event for event in events if event.is_start]
    assert starts == events[:4]
    first, second, third, fourth = starts
    assert isinstance(first, Asked)
    assert isinstance(second, Rejected)
    assert isinstance(third, Duplicate)
    assert isinstance(fourth, Asked)
    assert [event.choices for event in starts] == FIRST
    assert second.reason == "too close to the second"
    assert third.of == first.number == 0


@every_sampler
def test_a_search_interrupted_among_its_start_points_resumes_identically(
    tmp_path: Path, sampler: str
) -> None:
    whole = drive(path := tmp_path / "ledger.jsonl", sampler)
    lines = path.read_bytes().splitlines(keepends=True)
    for cut in (2, 3, 4, 7):  # before the first start point, in flight and told, and after all
        path.write_bytes(b"".join(lines[:cut]))
        assert drive(path, sampler) == whole
        events = [json.loads(line) for line in path.read_bytes().splitlines()]
        assert sum(bool(event.get("start")) for event in events) == 4


def test_start_points_beyond_the_budget_are_proposed_when_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    assert [c.choices for c in drive(path, "evolution", budget=1)] == [POINTS[0]]
    # The rejected point costs no budget, so it may come before or after its end.
    trained = {SPACE.key(c.choices) for c in drive(path, "evolution", budget=2)}
    assert {SPACE.key(POINTS[0]), SPACE.key(POINTS[2])} <= trained


def test_a_start_point_outside_the_space_is_rejected(tmp_path: Path) -> None:
    bad = {name: value for name, value in POINTS[0].items() if name != "stage1.depth"}
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger, pytest.raises((KeyError, ValueError)):
        Engine(SPACE, sampler_factory("random", seed=0), ledger, budget=2, first=[bad])


def test_names_files_and_run_folders_become_points(tmp_path: Path) -> None:
    space = SearchSpace.load("efficientnetv2-s")
    best = space.architecture(space.sample(random.Random(0)))
    file = ArchitectureFile(architecture=best, name="found", train_size=64, eval_size=64)
    save_architecture(tmp_path / "best.json", file)
    exact, found, foreign = start_points(
        ["efficientnetv2-s", str(tmp_path), "efficientnet-b0"], space
    )
    assert (exact.changes, found.changes) == ((), ())
    assert found.key == best.key
    assert exact.note() == f"starts from efficientnetv2-s ({exact.key})"
    assert foreign.note().startswith("starts near efficientnet-b0 (")
    assert "stage2.depth" not in foreign.note()  # 2 is an option
    assert "stage6.depth 4 -> 6" in foreign.note()
    with pytest.raises(ValueError, match="no such file, run folder or published name"):
        start_points(["efficientnetv3"], space)
