"""The lock of a run's folder: who waits for it is told for whom, and does not wait forever."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer.run import folder as module
from trainer.run.folder import exclusive_lock

ROOT = Path(__file__).parents[3]
HOLD = """
import sys
from pathlib import Path
from trainer.run.folder import exclusive_lock
with exclusive_lock(Path(sys.argv[1]), print):
    (Path(sys.argv[1]) / "file").touch()
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the lock of ``run`` until it reads a line."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_wait_names_the_process_and_ends_with_it(
    tmp_path: Path, holder: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "NOTE_AFTER_S", 0.0)
    lines = list[str]()

    def say(line: str) -> None:
        lines.append(line)
        holder.communicate("\n")

    with exclusive_lock(tmp_path / "run", say):
        pass
    (line,) = lines
    assert line.startswith(f"waiting for {tmp_path / 'run'}, at most 30 s: process {holder.pid} (")
    assert line.endswith(" is training in it")


def test_a_process_that_keeps_it_is_an_error_that_names_it(
    tmp_path: Path, holder: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_TIMEOUT_S", 0.1)
    with (
        pytest.raises(ValueError, match=rf"process {holder.pid} \(.*\) is training in"),
        exclusive_lock(tmp_path / "run", print),
    ):
        pass
