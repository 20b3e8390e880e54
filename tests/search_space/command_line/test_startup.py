"""Start of a command: signals at any moment, a deleted folder, libraries that cannot be loaded."""

import io
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from search_space.command_line.startup import start_command

STARTED = """
import os, signal, sys, time
from pathlib import Path
from search_space.command_line.startup import start_command

signal.signal(signal.SIGINT, signal.default_int_handler)  # the parent process may ignore it

def load():
    if "import" in sys.argv: wait()
    return main

def main():
    from search_space.command_line.command import run_command
    return run_command("nas-x", work, [])

def work(argv):
    try:
        if "run" in sys.argv: wait()
    finally:
        signal.raise_signal(signal.SIGTERM)  # a second one does not interrupt the cleaning
        Path(sys.argv[1]).write_text("cleaned")
    return 3

def wait():
    print("now", flush=True)
    time.sleep(60)

code = start_command("nas-x", load)
if "end" in sys.argv:
    signal.raise_signal(signal.SIGINT)
sys.exit(code)
"""
LINES = {
    signal.SIGINT: "nas-x: stopped\n",
    signal.SIGTERM: "nas-x: stopped by SIGTERM\n",
    signal.SIGHUP: "nas-x: stopped by SIGHUP\n",
}


def _stopped(number: signal.Signals, moment: str, file: Path) -> tuple[int, str]:
    """Send a signal at a moment of the command; return its exit code and what it said."""
    with subprocess.Popen(
        [sys.executable, "-c", STARTED, str(file), moment],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(number)
        error = process.communicate(timeout=30)[1]
    return process.returncode, error


@pytest.mark.parametrize("number", LINES)
def test_a_signal_during_imports_is_one_line(number: signal.Signals, tmp_path: Path) -> None:
    code, error = _stopped(number, "import", tmp_path / "file")
    assert (code, error) == (128 + number, LINES[number])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_a_command_which_cleans_up(
    number: signal.Signals, tmp_path: Path
) -> None:
    code, error = _stopped(number, "run", tmp_path / "file")
    assert (code, error) == (128 + number, LINES[number])
    assert (tmp_path / "file").read_text() == "cleaned"


def test_a_signal_that_the_parent_ignores_stays_ignored(tmp_path: Path) -> None:
    ignoring = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        + STARTED.replace('print("now", flush=True)', "signal.raise_signal(signal.SIGHUP)")
    ).replace("time.sleep(60)", "")
    command = [sys.executable, "-c", ignoring.replace("SIGTERM", "SIGHUP")]
    ended = subprocess.run(
        [*command, str(tmp_path / "file"), "import", "run"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stderr) == (3, "")


def _keep_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda number, handler: None)  # the tests' own Ctrl-C


def test_a_deleted_current_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    _keep_handlers(monkeypatch)
    monkeypatch.chdir(folder)
    folder.rmdir()
    try:
        assert start_command("nas-x", lambda: lambda: 0) == 2
    finally:
        monkeypatch.undo()
    assert capsys.readouterr().err == (
        "nas-x: the current folder was deleted; go to another one (cd)\n"
    )


def test_libraries_without_memory_are_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> Callable[[], int]:
        raise ImportError("libtorch_cpu.so: failed to map segment from shared object")

    _keep_handlers(monkeypatch)
    assert start_command("nas-x", load) == 2
    error = capsys.readouterr().err
    assert error.startswith("nas-x: the libraries cannot be loaded: not enough memory")
    assert error.count("\n") == 1


def test_a_broken_import_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def load() -> Callable[[], int]:
        raise ImportError("cannot import name 'main'")

    _keep_handlers(monkeypatch)
    with pytest.raises(ImportError, match="cannot import name"):
        start_command("nas-x", load)


def test_slow_loading_is_said_on_a_terminal_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    said = threading.Event()

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> int:
            said.set()
            return super().write(text)

    def load() -> Callable[[], int]:
        assert said.wait(30)
        return lambda: 0

    terminal = Terminal()
    monkeypatch.setattr("search_space.command_line.startup.SECONDS_BEFORE_NOTE", 0.01)
    monkeypatch.setattr("sys.stderr", terminal)
    before = signal.getsignal(signal.SIGINT)
    try:
        assert start_command("nas-train", load) == 0
    finally:
        signal.signal(signal.SIGINT, before)  # a command ignores it at its end
    assert terminal.getvalue() == "\rnas-train: loading libraries ...\r\x1b[2K"
