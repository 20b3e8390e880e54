"""Text of users is shown unchanged, and cannot control a terminal."""

import io

import pytest
from rich.table import Table

from search_space.command_line.command import CommandParser, print_lines, run_command
from search_space.command_line.terminal import PlainConsole, one_line, visible


@pytest.mark.parametrize(
    "text", ["", "plain", "[red]a[/red]", "Z\u00fcrich \u732b \U0001f408", "\u0939\u093f\u200d"]
)
def test_text_that_only_shows_characters_stays(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),  # sets the title of a terminal's window
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x7f\x9b", "\\x7f\\x9b"),
        ("\u202egnp.exe", "\\u202egnp.exe"),  # shown as exe.png
        ("\u2028\udcff", "\\u2028\\udcff"),
    ],
)
def test_characters_that_control_a_terminal_are_escaped(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_white_space_between_words_becomes_one_space() -> None:
    assert one_line(" first\n   second\x1b[2J") == "first second\\x1b[2J"


def _printed(*shown: object, width: int = 80) -> str:
    stream = io.StringIO()
    console = PlainConsole(file=stream, width=width, force_terminal=True, color_system=None)
    for one in shown:
        console.print(one)
    return stream.getvalue()


def test_a_console_shows_brackets_codes_and_controls_as_text() -> None:
    name = "[bold]x[/] :cat: \x1b[2J"
    table = Table(name, title=name)
    table.add_row(name)
    assert _printed(name, table).count("[bold]x[/] :cat: \\x1b[2J") == 4


def test_lines_are_printed_as_they_are() -> None:
    stream = io.StringIO()
    lines = "a [/b] :cat:", "c\nd \x1b[2J", "long " * 40
    print_lines(PlainConsole(file=stream, width=20), *lines)
    assert stream.getvalue() == f"a [/b] :cat:\nc\nd \\x1b[2J\n{'long ' * 40}\n"


def test_the_line_of_an_error_cannot_control_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command(argv: object) -> int:
        raise ValueError("no folder a\nb\x1b[2J\udcff")

    assert run_command("nas-test", command, []) == 2
    assert capsys.readouterr().err == "nas-test: no folder a b\\x1b[2J\\udcff\n"
    with pytest.raises(SystemExit):
        CommandParser(prog="nas-test").parse_args(["--\x1b[2J\n"])
    shown = "nas-test: unrecognized arguments: --\\x1b[2J (see nas-test --help)\n"
    assert capsys.readouterr().err == shown
