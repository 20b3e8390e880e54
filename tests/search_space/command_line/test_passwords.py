"""Passwords of URLs in what commands print."""

import pytest

from search_space.command_line.command import CommandParser, run_command
from search_space.command_line.passwords import without_passwords


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no such host", "no such host"),
        ("got postgresql://me:se@cret@host/db, sorry", "got postgresql://me:***@host/db, sorry"),
        ("mysql://host/db?user=me&Password=a&x=1", "mysql://host/db?user=me&Password=***&x=1"),
        ("https://host:80/path", "https://host:80/path"),
    ],
)
def test_a_password_in_a_text_is_masked(text: str, shown: str) -> None:
    assert without_passwords(text) == shown


def test_errors_of_commands_show_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(argv: object) -> int:
        raise ValueError("bad: mysql://me:secret@host")

    assert run_command("nas-search", fail, None) == 2
    assert capsys.readouterr().err == "nas-search: bad: mysql://me:***@host\n"


def test_an_unknown_flag_shows_no_password(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        CommandParser(prog="nas-search").parse_args(["--miror=mysql://me:secret@host"])
    assert "--miror=mysql://me:***@host" in capsys.readouterr().err
