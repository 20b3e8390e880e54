"""Entry points of the commands: they load quickly, and each starts its command."""

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from search_space.command_line.startup import start_command

SCRIPTS = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())[
    "project"
]["scripts"]


def run(code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("module", ["nas.commands", "nas.evaluation.worker"])
def test_modules_that_every_process_imports_load_no_heavy_package(module: str) -> None:
    heavy = ("torch", "ray", "optuna", "numpy", "pandas", "pydantic", "rich", "PIL")
    asked = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    assert run(asked).stdout == "[]\n"


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_every_script_starts_the_command_of_its_name(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--no-such-flag"])
    monkeypatch.setattr("signal.signal", lambda number, handler: None)  # the test's own Ctrl-C
    entry_point = EntryPoint(name=name, value=SCRIPTS[name], group="console_scripts").load()
    with pytest.raises(SystemExit) as stopped:
        entry_point()
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"{name}: ")
    assert error.count("\n") == 1


def test_waiting_threads_are_passive_unless_the_user_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str | None] = []

    def load() -> Callable[[], int]:
        seen.append(os.environ.get("OMP_WAIT_POLICY"))  # before torch is imported
        return lambda: 0

    for given in (None, "ACTIVE"):
        monkeypatch.setenv("OMP_WAIT_POLICY", "so that it is put back")
        monkeypatch.delenv("OMP_WAIT_POLICY")
        if given:
            monkeypatch.setenv("OMP_WAIT_POLICY", given)
        handler = signal.getsignal(signal.SIGINT)
        assert start_command("nas-train", load) == 0
        signal.signal(signal.SIGINT, handler)
    assert seen == ["PASSIVE", "ACTIVE"]
