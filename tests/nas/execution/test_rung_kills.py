"""A search in rungs that is killed: no rung that finished is lost or repeated."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from nas.engine.events import Promoted, RungTold, Told
from nas.engine.ledger import read_ledger
from nas.engine.search_state import SearchState
from tests.toys.rungs import CONFIG

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


def start(folder: Path) -> subprocess.Popen[str]:
    flags = ("--rungs", "--budget", "14", "--seconds", "0.5")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.toys.search", str(folder), *flags],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env=dict(os.environ),
    )


def evaluated(folder: Path) -> Counter[str]:
    path = folder / "evaluated.txt"
    return Counter(path.read_text().split() if path.exists() else ())


@pytest.mark.timeout(600)
def test_kills_between_and_inside_rungs_lose_and_repeat_nothing(tmp_path: Path) -> None:
    rng = random.Random(0)
    for _ in range(6):
        before, driver = sum(evaluated(tmp_path).values()), start(tmp_path)
        while sum(evaluated(tmp_path).values()) < before + 2 and driver.poll() is None:
            time.sleep(0.05)
        time.sleep(rng.uniform(0.0, 0.6))
        driver.send_signal(signal.SIGKILL)
        driver.communicate(timeout=120)
    said = start(tmp_path).communicate(timeout=300)[0]
    assert said.endswith("stopped by None\n"), said
    events = read_ledger(tmp_path / "ledger.jsonl").events
    state = SearchState(events)
    assert state.counts.finished == 14
    assert not state.pending
    keys = {record.candidate.number: record.candidate.key for record in state.records}
    told = [f"{keys[event.number]}:0" for event in events if isinstance(event, Told)]
    rungs = [f"{keys[event.of]}:{event.rung}" for event in events if isinstance(event, RungTold)]
    promoted = [
        f"{keys[event.number]}:{event.rung}" for event in events if isinstance(event, Promoted)
    ]
    assert Counter(promoted) == Counter(rungs)
    assert evaluated(tmp_path) == Counter(told + rungs)
    assert set(evaluated(tmp_path).values()) == {1}
    assert len([rung for rung in rungs if rung.endswith(":1")]) >= 14 // CONFIG.eta
