"""Kills of workers and drivers: no finished candidate is lost or trained again."""

import os
import random
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from nas.engine.ledger import read_ledger
from nas.engine.search_state import SearchState
from tests.nas.drivers import Driver, assert_whole, is_working, told, wait_until

pytestmark = pytest.mark.slow
executors = pytest.mark.parametrize("executor", ["actors", "tune"])


@executors
@pytest.mark.timeout(600)
def test_ten_kills_of_the_driver_lose_and_repeat_nothing(tmp_path: Path, executor: str) -> None:
    rng, flags = random.Random(executor), ("--executor", executor, "--seconds", "0.6")
    finished = 0
    for _ in range(10):
        driver = Driver(tmp_path, *flags)
        wait_until(lambda driver=driver: is_working(driver))  # type: ignore[misc]
        time.sleep(rng.uniform(0.0, 1.2))
        driver.kill()
        now = told(tmp_path)
        assert now >= finished
        finished = now
    assert Driver(tmp_path, *flags).output().endswith("stopped by None\n")
    assert_whole(tmp_path, budget=30)


@executors
def test_killed_workers_are_replaced_and_their_candidates_done_again(
    tmp_path: Path, executor: str
) -> None:
    driver = Driver(tmp_path, "--executor", executor, "--budget", "8", "--seconds", "1.0")
    for finished in (1, 4):
        wait_until(lambda finished=finished: told(tmp_path) >= finished)  # type: ignore[misc]
        time.sleep(0.3)
        os.kill(workers_of(driver)[0], signal.SIGKILL)
    output = driver.output()
    assert output.split() == [*output.split()[:8], "stopped", "by", "None"]  # and no Ray noise
    assert_whole(tmp_path, budget=8)
    assert SearchState(read_ledger(tmp_path / "ledger.jsonl").events).counts.deaths == 2


@pytest.mark.parametrize(
    ("executor", "name"), [("actors", "raylet"), ("actors", "gcs_server"), ("tune", "raylet")]
)
def test_the_death_of_ray_itself_is_said_and_the_search_goes_on_later(
    tmp_path: Path, executor: str, name: str
) -> None:
    flags = ("--executor", executor, "--budget", "6", "--seconds", "1")
    driver = Driver(tmp_path, *flags)
    wait_until(lambda: told(tmp_path) >= 2)
    (process,) = (
        pid
        for pid in descendants(driver.process.pid)
        if Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0].endswith(f"/{name}")
    )
    os.kill(process, signal.SIGKILL)
    assert driver.output().splitlines()[-1].startswith(f"OSError: Ray's {name} died: killed, ")
    assert Driver(tmp_path, *flags).output().endswith("stopped by None\n")
    assert_whole(tmp_path, budget=6, cut_short=2)


@executors
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_within_seconds_and_goes_on_later(
    tmp_path: Path, executor: str, number: signal.Signals
) -> None:
    flags = ("--executor", executor, "--budget", "4", "--seconds", "3")
    driver = Driver(tmp_path, *flags)
    wait_until(lambda: told(tmp_path) >= 1)
    time.sleep(0.5)
    started = time.monotonic()
    output = driver.kill(number, group=number == signal.SIGINT)  # Ctrl-C goes to the group
    assert output.splitlines()[-1] == f"stopped by {number.name}"
    assert all(line.isdigit() for line in output.splitlines()[:-1])
    assert driver.process.returncode == 130
    assert time.monotonic() - started < 10.0
    assert Driver(tmp_path, *flags).output().endswith("stopped by None\n")
    assert_whole(tmp_path, budget=4)


def test_a_second_driver_is_refused_by_name_and_process(tmp_path: Path) -> None:
    first = Driver(tmp_path, "--budget", "4", "--seconds", "2")
    wait_until(lambda: is_working(first))
    second = Driver(tmp_path, "--budget", "4").output()
    assert second.splitlines()[-1].startswith(
        f"nas.engine.ledger.HeldError: run {tmp_path.name!r} is being searched by process "
        f"{first.process.pid} "
    )
    assert first.output().endswith("stopped by None\n")
    assert_whole(tmp_path, budget=4)


def test_nothing_of_ours_can_be_reached_read_or_found_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    driver = Driver(tmp_path / "run", "--budget", "4", "--seconds", "2", HOME=str(home))
    wait_until(lambda: is_working(driver))
    family = [driver.process.pid, *descendants(driver.process.pid)]
    listening = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True)
    addresses = {
        line.split()[3].rsplit(":", 1)[0]
        for line in listening.stdout.splitlines()
        if any(f"pid={pid}," in line for pid in family)
    }
    assert addresses
    assert addresses <= {"127.0.0.1", "[::ffff:127.0.0.1]", "[::1]"}
    commands = " ".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in family)
    folders = {Path(tempfile.gettempdir(), name) for name in re.findall(r"nas-ray-\w+", commands)}
    assert len(folders) == 1
    assert folders.pop().stat().st_mode & 0o077 == 0
    assert secret_of(family[-1]) not in commands
    assert driver.output().endswith("stopped by None\n")
    assert not list(home.iterdir())
    assert not any(
        Path(tempfile.gettempdir(), name).exists() for name in re.findall(r"nas-ray-\w+", commands)
    )


def test_the_folder_of_a_killed_session_is_swept_by_the_next(tmp_path: Path) -> None:
    driver = Driver(tmp_path, "--budget", "4", "--seconds", "1")
    wait_until(lambda: is_working(driver))
    commands = " ".join(
        Path(f"/proc/{pid}/cmdline").read_text() for pid in descendants(driver.process.pid)
    )
    (name,) = set(re.findall(r"nas-ray-\w+", commands))
    driver.kill()
    assert Path(tempfile.gettempdir(), name).exists()
    assert Driver(tmp_path, "--budget", "4", "--seconds", "1").output().endswith("None\n")
    assert not Path(tempfile.gettempdir(), name).exists()


def secret_of(pid: int) -> str:
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    (secret,) = (v.partition("=")[2] for v in variables if v.startswith("RAY_AUTH_TOKEN="))
    assert len(secret) == 64
    return secret


def descendants(pid: int) -> list[int]:
    """Return the processes below `pid`, nearest first."""
    listing = subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    children: dict[int, list[int]] = {}
    for line in listing.stdout.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found = list(children.get(pid, []))
    for child in found:
        found += children.get(child, [])
    return found


def workers_of(driver: Driver) -> list[int]:
    """Return the processes of the driver's Ray that are at a candidate."""
    found = []
    for pid in descendants(driver.process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        if "Worker.evaluate" in command or ("Trainable" in command and "train" in command):
            found.append(pid)
    return found
