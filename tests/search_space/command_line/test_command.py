"""Errors of commands: bad input in one line with exit code 2, bugs with a traceback."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from search_space.command_line.command import (
    CommandParser,
    at_least,
    name_part,
    run_command,
    run_folder,
)


def _failing(error: BaseException) -> int:
    def command(argv: Sequence[str] | None) -> int:
        raise error

    return run_command("nas-test", command, [])


def test_a_command_without_errors_returns_its_own_exit_code() -> None:
    seen: list[Sequence[str] | None] = []

    def command(argv: Sequence[str] | None) -> int:
        seen.append(argv)
        return 7

    assert run_command("nas-test", command, ["--flag"]) == 7
    assert seen == [["--flag"]]


def test_bad_input_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert _failing(ValueError("Phase.size must be > 0,\n  got -1")) == 2
    assert capsys.readouterr().err == "nas-test: Phase.size must be > 0, got -1\n"


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert _failing(FileNotFoundError(2, "No such file or directory", "best.json")) == 2
    assert "best.json" in capsys.readouterr().err


def test_an_error_without_a_message_shows_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert _failing(ValueError()) == 2
    assert capsys.readouterr().err == "nas-test: ValueError\n"


def test_ctrl_c_is_one_line_and_exit_code_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert _failing(KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "nas-test: stopped\n"


def test_other_exceptions_are_not_caught() -> None:
    with pytest.raises(KeyError):
        _failing(KeyError("bug"))


def _parser() -> CommandParser:
    parser = CommandParser(prog="nas-test")
    parser.add_argument("--budget", type=at_least(1, 1000))
    return parser


def test_flags_are_read() -> None:
    assert _parser().parse_args(["--budget", "16"]).budget == 16


def test_the_help_shows_defaults_except_none_and_false() -> None:
    parser = _parser()
    parser.add_argument("--seed", default=0, help="Seed")
    parser.add_argument("--resume", action="store_true", help="Resume")
    words = " ".join(parser.format_help().split())
    assert "--seed SEED Seed (default: 0) --resume Resume" in words
    assert words.count("(default") == 1


@pytest.mark.parametrize(
    "arguments", [["--colour"], ["--budget", "0"], ["--budget", "1001"], ["--budget", "many"]]
)
def test_an_invalid_flag_is_one_line_and_exit_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        _parser().parse_args(arguments)
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("nas-test: ")
    assert arguments[0] in error


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/tmp", "../a", "a/"])
def test_a_name_outside_its_folder_is_rejected(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plain name"):
        run_folder(tmp_path, name)


@pytest.mark.parametrize(
    "name", ["a\nb", "\x1b[2J", "\udcff", "\u202egnp", "x" * 256, "\xe9" * 128]
)
def test_a_name_that_files_or_terminals_do_not_have_is_rejected(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--name"):
        run_folder(tmp_path, name)


@pytest.mark.parametrize(
    "name", ["-x", "[red]", "$a_\\b", "a b", "\u732b", "x" * 255, "\xe9" * 127]
)
def test_a_name_of_other_characters_is_a_folder(name: str, tmp_path: Path) -> None:
    assert run_folder(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("photos/cats.v2.parquet", "cats.v2"),
        ("owner/name", "name"),
        ("[a]$ \u732b", "[a]$ \u732b"),
        ("a\nb\x1b\udcff", "a_b__"),
        ("x" * 300, "x" * 120),
        ("\u20ac" * 50, "\u20ac" * 40),  # three bytes each in UTF-8
        ("a" + "\u20ac" * 50, "a" + "\u20ac" * 39),  # not a part of a character
    ],
)
def test_a_part_of_a_default_name_is_allowed_in_a_name(
    path: str, part: str, tmp_path: Path
) -> None:
    assert name_part(path) == part
    assert run_folder(tmp_path, f"{part}-{part}-0").parent == tmp_path


STARTED = """
import signal, sys, time
from search_space.command_line.startup import start_command

signal.signal(signal.SIGINT, signal.default_int_handler)  # the parent process may ignore it

def load():
    if "import" in sys.argv: wait()
    return main

def main():
    if "run" in sys.argv: wait()
    return 3

def wait():
    print("now", flush=True)
    time.sleep(60)

code = start_command("nas-x", load)
if "end" in sys.argv:
    signal.raise_signal(signal.SIGINT)
sys.exit(code)
"""


@pytest.mark.parametrize("moment", ["import", "run"])
def test_an_interrupt_is_one_line_at_any_moment(moment: str) -> None:
    command = [sys.executable, "-c", STARTED, moment]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "now\n"
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[1] == "nas-x: stopped\n"
    assert process.returncode == 130


def test_an_interrupt_after_the_command_has_no_effect() -> None:
    command = [sys.executable, "-c", STARTED, "end"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (ended.returncode, ended.stderr) == (3, "")
