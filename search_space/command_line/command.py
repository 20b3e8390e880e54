"""Arguments, output and exit codes that all commands share."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console
from rich.text import Text

from search_space.checks import shortened, shown
from search_space.command_line.passwords import without_passwords
from search_space.command_line.resources import lack_of_resources
from search_space.command_line.startup import BAD_INPUT, stopped
from search_space.command_line.terminal import one_line, visible

# In bytes of UTF-8: file systems allow names of 255.
LONGEST_NAME, LONGEST_PART = 255, 120
MAX_MESSAGE = 4000  # characters of an error


class CommandParser(argparse.ArgumentParser):
    """An argument parser that shows defaults and reports errors in one line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=_HelpFormatter, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments; ``--flag=--`` is an error, of which Python 3.12 makes an empty list."""
        for word in sys.argv[1:] if args is None else args:
            if word.startswith("--") and word.endswith("=--"):
                self.error(f"argument {word.removesuffix('=--')}: needs a value, got '--'")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the error and how to see the flags, and exit with code 2."""
        self.exit(
            BAD_INPUT,
            f"{self.prog}: {one_line(without_passwords(message))} (see {self.prog} --help)\n",
        )


class _HelpFormatter(argparse.HelpFormatter):
    """Adds the default to the help text of an argument that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if any(action.default is nothing for nothing in (None, False, argparse.SUPPRESS)):
            return action.help
        return f"{(action.help or '').removesuffix('.')} (default: %(default)s)"


def at_least(lowest: int, highest: int | None = None) -> Callable[[str], int]:
    """Return an argument type: a whole number from `lowest` to `highest`."""

    def whole_number(text: str) -> int:
        value = int(text)
        if value < lowest:
            raise argparse.ArgumentTypeError(f"must be at least {lowest}, got {value}")
        if highest is not None and value > highest:
            raise argparse.ArgumentTypeError(f"must be at most {highest}, got {shown(value)}")
        return value

    whole_number.__name__ = "whole number"  # argparse names the type in its error message
    return whole_number


def run_folder(out: Path, name: str) -> Path:
    """Return the folder of run `name` in `out`.

    Raises:
        ValueError: If the name is not a plain folder name, or is not text: the files of a run
            contain its name, and some file formats and terminals do not have all characters.
    """
    if name in ("", ".", "..") or Path(name).name != name:
        raise ValueError(f"--name must be a plain name without slashes, got {shown(name)}")
    if visible(name) != name:
        raise ValueError(f"--name must have no control characters and be UTF-8, got {shown(name)}")
    if len(name.encode()) > LONGEST_NAME:
        raise ValueError(
            f"--name may have {LONGEST_NAME} bytes, got {len(name.encode())}: {shown(name)}"
        )
    return out / name


def name_part(path: str) -> str:
    """Return the name of a file or folder as a part of a run's default name.

    Its ending is left out, characters that a run's name may not have become underscores, and
    beyond `LONGEST_PART` bytes it is cut.
    """
    text = "".join(each if visible(each) == each else "_" for each in Path(path).stem)
    return text.encode()[:LONGEST_PART].decode(errors="ignore")


def print_lines(console: Console, *lines: str) -> None:
    """Print lines as they are: not wrapped, and without highlighting, markup and controls."""
    for line in lines:
        text = Text(visible(line, kept="\n"))
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def print_note(line: str) -> None:
    """Print a line on stderr, so that the results on stdout stay alone."""
    print(visible(line), file=sys.stderr, flush=True)


def run_command(
    name: str, command: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None
) -> int:
    """Run `command` and return its exit code; bad input is one line on stderr and exit code 2.

    A signal, and too little memory or too few threads, are reported in one line too. Any other
    exception is a bug and keeps its traceback.
    Without `argv`, the command reads its arguments from the command line.
    """
    try:
        return command(argv)
    except (ValueError, OSError) as error:
        text = without_passwords(str(error))
        message = one_line(shortened(text, MAX_MESSAGE)) or type(error).__name__
        print(f"{name}: {message}", file=sys.stderr)
        return BAD_INPUT
    except (MemoryError, RuntimeError) as error:
        if not (lack := lack_of_resources(error)):
            raise
        print(f"{name}: {one_line(lack)}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt as interrupt:
        return stopped(name, interrupt)
