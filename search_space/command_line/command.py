"""How a command of ours fails: the caller's fault is one line on stderr and exit code 2."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from search_space.command_line.startup import STOPPED

CALLERS_FAULT = 2


class CommandParser(argparse.ArgumentParser):
    """An argument parser whose complaint is one line, without the usage block."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and how to see the flags, and exit with code 2."""
        self.exit(CALLERS_FAULT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def at_least(lowest: int) -> Callable[[str], int]:
    """Return an argument type: a whole number that is `lowest` or more."""

    def whole_number(text: str) -> int:
        value = int(text)
        if value < lowest:
            raise argparse.ArgumentTypeError(f"must be at least {lowest}, got {value}")
        return value

    whole_number.__name__ = "whole number"  # argparse names the type in its complaint
    return whole_number


def run_command(
    name: str, command: Callable[[Sequence[str] | None], int], argv: Sequence[str] | None
) -> int:
    """Run `command` and turn the caller's faults into one line and exit code 2.

    Ctrl-C is one line too. Any other exception is a fault of ours and keeps its traceback.

    Args:
        name: The command as typed, such as ``nas-search``.
        command: Takes the arguments and returns the exit code.
        argv: The arguments; None reads them from the command line.
    """
    try:
        return command(argv)
    except (ValueError, OSError) as error:
        print(f"{name}: {_one_line(error)}", file=sys.stderr)
        return CALLERS_FAULT
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        return STOPPED


def _one_line(error: ValueError | OSError) -> str:
    """Return the message without line breaks; an OSError keeps its file name."""
    return " ".join(str(error).split()) or type(error).__name__
