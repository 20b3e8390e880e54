"""A timer of another program is seen at the device's gate; those of our own processes are not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer.device.foreign_timer import foreign_timer
from trainer.device.gate import DeviceGate
from trainer.machine.processes import descends_from

HOLD = """
import sys
from pathlib import Path
from trainer.device.gate import DeviceGate
with DeviceGate("cpu", folder=Path(sys.argv[1])) as gate, gate.lease():
    print(flush=True)
    sys.stdin.read()
"""
needs_locks = pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs /proc/locks")


@needs_locks
def test_a_timer_is_seen_while_it_holds_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert foreign_timer("cpu", tmp_path) == ""  # this process has started it
        monkeypatch.setattr("os.getpid", lambda: 2**22 + 1)  # of no process
        assert foreign_timer("cpu", tmp_path) == f"process {holder.pid} (python) is timing"
        assert foreign_timer("gpu", tmp_path) == ""
        holder.communicate()
    assert foreign_timer("cpu", tmp_path) == ""


def test_a_step_of_a_training_is_no_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with DeviceGate("cpu", folder=tmp_path) as gate:
        monkeypatch.setattr("os.getpid", lambda: 2**22 + 1)
        with gate.step():
            assert foreign_timer("cpu", tmp_path) == ""


def test_a_folder_that_is_missing_holds_no_timer(tmp_path: Path) -> None:
    assert foreign_timer("cpu", tmp_path / "missing") == ""


def test_ancestors_of_a_process() -> None:
    assert descends_from(os.getpid(), os.getpid())
    assert descends_from(os.getpid(), os.getppid())
    assert not descends_from(os.getppid(), os.getpid())


def test_a_process_that_is_gone_descends_from_nobody(tmp_path: Path) -> None:
    assert not descends_from(17, 3, root=tmp_path)
