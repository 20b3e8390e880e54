"""The commands that a command names next can be copied into a shell."""

import shlex
from pathlib import Path

from search_space.command_line.next_commands import next_lines


def test_each_command_is_a_line_and_the_words_stay_whole() -> None:
    folder = Path("runs/my flowers; rm -rf")
    lines = next_lines(["nas-predict", "--model", folder, "IMAGES"], ["nas-report", folder])
    assert [line[:6] for line in lines] == ["next: ", "      "]
    assert [shlex.split(line[6:]) for line in lines] == [
        ["nas-predict", "--model", "runs/my flowers; rm -rf", "IMAGES"],
        ["nas-report", "runs/my flowers; rm -rf"],
    ]


def test_no_command_is_no_line() -> None:
    assert next_lines() == []
