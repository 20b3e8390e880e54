"""What the driver does for a candidate must not grow with the number of candidates before it."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from rich.console import Console

import nas
from nas.candidate import Candidate, Outcome, Record, State
from nas.dispatch.dispatcher import Dispatcher
from nas.dispatch.result_files import ResultFiles
from nas.engine.engine import Engine
from nas.engine.ledger import Ledger
from nas.engine.study import quiet_optuna
from nas.report.progress import SearchProgress
from nas.samplers import sampler_factory
from tests.nas.search_work import work
from tests.toys.metrics import whole_metrics
from tests.toys.observer import ToyObserver
from tests.toys.space import ToySpace, toy_reward

OURS = str(Path(next(iter(nas.__path__))))


def lines_of_ours(work: Callable[[], object]) -> int:
    """Return how many lines of the package were run, every turn of a loop counted."""
    count = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def test_a_candidate_costs_no_more_lines_after_a_thousand_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_optuna()
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        factory = sampler_factory("random", seed=0)
        engine = Engine(ToySpace(stages=6), factory, ledger, budget=2000)
        progress = SearchProgress(Console(file=io.StringIO()), engine.records(), work=work(2000))
        best: list[Record] = []

        def on_told(record: Record) -> None:
            progress.completed(record)
            if engine.best is record:
                best.append(record)

        results = ResultFiles(folder=tmp_path, run_id=ledger.run_id)
        queue = Dispatcher(engine, results, observer=ToyObserver(on_told))

        def fifty() -> None:
            for _ in range(50):
                candidate = queue.next_job()
                assert candidate is not None
                queue.complete(candidate, outcome_of(candidate))

        early = lines_of_ours(fifty)
        while engine.counts.finished < 1000:
            fifty()
        late = lines_of_ours(fifty)
    assert best  # the best was followed all the way
    assert late < 1.1 * early  # a scan of the records would make it 20 times as many


def outcome_of(candidate: Candidate) -> Outcome:
    reward = toy_reward(candidate.choices)
    metrics = whole_metrics(accuracy=reward)
    return Outcome(state=State.COMPLETE, reward=max(reward, 0.0), metrics=metrics)


def test_the_best_that_is_kept_is_the_best_there_is(tmp_path: Path) -> None:
    quiet_optuna()
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        factory = sampler_factory("random", seed=0)
        engine = Engine(ToySpace(), factory, ledger, budget=60)
        assert engine.best is None
        while (candidate := engine.ask()) is not None:
            engine.tell(candidate, outcome_of(candidate))
            highest = max(record.outcome.reward for record in engine.records())
            first = next(r for r in engine.records() if r.outcome.reward == highest)
            assert engine.best == first
