"""What listens while a command runs on one machine: only sockets of the loopback interface."""

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from search_space.architecture_file import save_architecture
from tests.toys.listeners import listening_on, other_machines_reach
from tests.toys.training import architecture_file

ROOT = Path(__file__).parents[2]
SEARCH = "search --budget 2 --workers 2 --epochs 1 --finalists 0 --data digits --name run"
TRAIN = "train --arch toy.json --data digits --epochs 2 --threads 1 --device cpu --name run"
without_dashboard = pytest.mark.skipif(
    find_spec("aiohttp_cors") is None, reason="ray[default] is not installed"
)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("words", "listens"),
    [
        (SEARCH, True),
        (f"{SEARCH} --executor tune", True),
        pytest.param(f"{SEARCH} --dashboard", True, marks=without_dashboard),
        (f"{TRAIN} --workers 2", True),
        (TRAIN, False),
    ],
)
def test_no_other_machine_can_connect(tmp_path: Path, words: str, *, listens: bool) -> None:
    save_architecture(tmp_path / "toy.json", architecture_file())
    name, *flags = words.split()
    command = f"from nas.commands import {name} as run; raise SystemExit(run())"
    driver = subprocess.Popen(
        [sys.executable, "-c", command, *flags],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "NAS_CACHE_DIR": str(tmp_path / "cache"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    reachable: set[tuple[str, int]] = set()
    any_listens = False
    try:
        while driver.poll() is None:
            reachable |= other_machines_reach(driver.pid)
            any_listens = any_listens or bool(listening_on(driver.pid))
            time.sleep(0.2)
    finally:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
    said = driver.communicate()[0]
    assert driver.returncode == 0, said
    assert any_listens is listens  # else the test would see nothing
    assert not reachable
