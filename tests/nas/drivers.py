"""Searches of the toy space in separate processes that tests kill, and checks of their folders."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from nas.engine.ledger import read_ledger
from nas.engine.search_state import SearchState

ROOT = Path(__file__).parents[2]
START_S = 150  # the longest that a session may take to hand out its first candidate


class Driver:
    """A search of the toy space in a separate process group, as a terminal would start it."""

    def __init__(self, folder: Path, *flags: str, **environment: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.toys.search", str(folder), *flags],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )

    def kill(self, number: int = signal.SIGKILL, *, group: bool = False) -> str:
        """Send a signal and return the output of the search."""
        (os.killpg if group else os.kill)(self.process.pid, number)
        return self.output()

    def output(self) -> str:
        return self.process.communicate(timeout=240)[0]


def wait_until(holds: Callable[[], bool], *, timeout_s: float = START_S) -> None:
    end = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def told(folder: Path) -> int:
    path = folder / "ledger.jsonl"
    if not path.exists() or b"\n" not in path.read_bytes():  # not created, or not its header
        return 0
    return len(SearchState(read_ledger(path).events).records)


def is_working(driver: Driver) -> bool:
    """Whether the session has handed out a candidate."""
    path = driver.folder / "ledger.jsonl"
    if driver.process.poll() is not None:
        return True
    pid = f'"pid":{driver.process.pid},'
    text = path.read_text() if path.exists() else ""
    return pid in text and '"event":"asked"' in text and any(driver.folder.glob("results/*.lock"))


def evaluated(folder: Path) -> Counter[str]:
    return Counter((folder / "evaluated.txt").read_text().split())


def assert_whole(folder: Path, budget: int, cut_short: int = 0) -> None:
    """Check that every charged candidate was evaluated exactly once.

    A worker that is killed after an evaluation and before its result is on disk leaves no trace;
    only such a candidate may have been evaluated again. The ledger does not know the workers that
    die with their driver: up to `cut_short` of these are allowed.
    """
    state = SearchState(read_ledger(folder / "ledger.jsonl").events)
    assert state.counts.complete == budget
    assert not state.pending
    done = evaluated(folder)
    assert set(done) == {record.candidate.key for record in state.records}
    once = [record.candidate.key for record in state.records if record.deaths == 0]
    assert sum(done[key] - 1 for key in once) <= cut_short, done
    assert not list((folder / "results").glob("*.lock"))
    assert len(list((folder / "results").glob("*.json"))) == budget
