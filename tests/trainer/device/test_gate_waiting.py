"""Processes at a device's gate that are stopped or hang: how long others wait for them."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trainer.device import gate as gate_module
from trainer.device import waiting
from trainer.device.gate import DeviceGate
from trainer.device.lock_files import LockFiles
from trainer.machine.processes import ProcessName

# Holds locks of the gate "test" like a timer or like a step, says so, and waits for a line on
# stdin; then says whether its files are still those that have the names. It imports no torch.
HOLDER = """
import fcntl, sys
from pathlib import Path
from trainer.device.lock_files import LockFiles
from trainer.machine.processes import ProcessName
files = LockFiles(Path(sys.argv[1]), "test")
if sys.argv[2] == "timer":
    fcntl.flock(files.turnstile, fcntl.LOCK_EX)
    files.write_holder(ProcessName.own())
fcntl.flock(files.device, fcntl.LOCK_EX if sys.argv[2] == "timer" else fcntl.LOCK_SH)
print("held", flush=True)
sys.stdin.readline()
print(files.are_current(), flush=True)
"""


on_linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


@contextmanager
def holder(folder: Path, kind: str) -> Iterator["subprocess.Popen[str]"]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, "-c", HOLDER, str(folder), kind]
    with subprocess.Popen(command, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def finish(process: "subprocess.Popen[str]") -> str:
    """Let a stopped holder continue, and return what it says about its files."""
    process.send_signal(signal.SIGCONT)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return process.stdout.readline()


@on_linux
def test_a_step_passes_a_stopped_timer_which_notices_it(tmp_path: Path) -> None:
    notes: list[str] = []
    with holder(tmp_path, "timer") as timer:
        timer.send_signal(signal.SIGSTOP)
        with DeviceGate("test", folder=tmp_path, notice=notes.append) as gate:
            with gate.step():
                pass
            with gate.lease() as lease:  # another timer passes it too
                assert not lease.is_broken()
        assert finish(timer) == "False\n"
    (note,) = notes
    assert f"process {timer.pid}" in note
    assert "is timing, but it is stopped" in note


@on_linux
def test_a_timer_passes_a_stopped_step(tmp_path: Path) -> None:
    notes: list[str] = []
    with holder(tmp_path, "step") as training:
        training.send_signal(signal.SIGSTOP)
        gate = DeviceGate("test", folder=tmp_path, notice=notes.append)
        with gate, gate.lease() as lease:
            assert not lease.is_broken()
        assert finish(training) == "False\n"
    (note,) = notes
    assert f"process {training.pid} is in a training step, but it is stopped" in note


def test_a_timer_that_runs_is_waited_for_until_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "LEASE_BOUND_S", 0.1)
    monkeypatch.setattr(waiting, "NOTE_AFTER_S", 0.02)
    notes: list[str] = []
    with (
        DeviceGate("test", folder=tmp_path) as timer,
        DeviceGate("test", folder=tmp_path, notice=notes.append) as training,
        timer.lease() as lease,
    ):
        assert not lease.is_broken()
        with training.step():
            pass
        assert lease.is_broken()
        assert training.waited_s >= 0.1
        lease.renew()
        assert not lease.is_broken()
    first, second = notes
    own = f"process {os.getpid()}"
    assert first.startswith(f"waiting for the device: {own}")
    assert first.endswith("is timing")
    assert second.startswith(f"note: {own}")
    assert "it is not waited for any longer" in second


def test_a_step_of_a_process_that_hangs_is_waited_for_until_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_module, "STEP_BOUND_S", 0.1)
    with (
        DeviceGate("test", folder=tmp_path) as training,
        DeviceGate("test", folder=tmp_path) as timer,
        training.step(),
        timer.lease() as lease,
    ):
        assert not lease.is_broken()


def test_a_stopped_timer_in_another_container_is_not_recognised_as_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process number means another process here, so only the bound ends the waiting."""
    monkeypatch.setattr(gate_module, "LEASE_BOUND_S", 0.1)
    notes: list[str] = []
    elsewhere = ProcessName(pid=os.getpid(), started=1, namespace="elsewhere", command="nas-time")
    files = LockFiles(tmp_path, "test")
    fcntl.flock(files.turnstile, fcntl.LOCK_EX)
    files.write_holder(elsewhere)
    with DeviceGate("test", folder=tmp_path, notice=notes.append) as gate, gate.step():
        assert not files.are_current()
    files.close()
    (note,) = notes
    assert "for more than" in note
    assert "stopped" not in note


def test_waiting_steps_get_the_device_after_a_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DeviceGate("test", folder=tmp_path) as gate:
        with gate.lease() as lease:
            assert lease.let_others_through() == 0.0  # the slice is not over
        monkeypatch.setattr(gate_module, "SLICE_S", 0.0)
        other = LockFiles(tmp_path, "test")
        free = []

        def look(_: float) -> None:
            fcntl.flock(other.turnstile, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(other.device, fcntl.LOCK_SH | fcntl.LOCK_NB)
            free.append(True)
            fcntl.flock(other.device, fcntl.LOCK_UN)
            fcntl.flock(other.turnstile, fcntl.LOCK_UN)

        monkeypatch.setattr(time, "sleep", look)
        with gate.lease() as lease:
            assert lease.let_others_through() > 0.0
            assert not lease.is_broken()
            with pytest.raises(BlockingIOError):
                fcntl.flock(other.device, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert free == [True]
        other.close()


def test_removed_lock_files_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cleaners of the temporary folder remove old files, also of processes that run."""
    monkeypatch.setattr(gate_module, "SECONDS_BETWEEN_CHECKS", 0.0)
    folder = tmp_path / "gate"
    with DeviceGate("test", folder=folder) as gate:
        with gate.step():
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
        with gate.step():
            others = LockFiles(folder, "test")
            with pytest.raises(BlockingIOError):
                fcntl.flock(others.device, fcntl.LOCK_EX | fcntl.LOCK_NB)
            others.close()


def test_time_in_which_the_waiting_process_was_stopped_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, 0.5, 0.5, 3600.0, 3600.0, 3600.3])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    waits = waiting.Waiting(waiting.no_notice)
    obstacle = waiting.Obstacle(token="a", text="x", is_stopped=False, bound_s=10.0)
    assert [waits.is_over(lambda: obstacle) for _ in range(3)] == [False, False, False]
    assert waits.seconds == pytest.approx(0.5 + 1.0 + 0.3)
