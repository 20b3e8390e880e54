"""How a command of ours fails: the caller's fault is one line on stderr and exit code 2."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

CALLERS_FAULT = 2
STOPPED = 130  # what a shell reports of a command that Ctrl-C ended


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


def start_command(name: str, load: Callable[[], Callable[[], int]]) -> int:
    """Import a command and run it, so that Ctrl-C is one line whenever it comes.

    An interrupt while modules are imported must not run through them: some turn it into an
    error of their own, and none needs cleaning up. Once the command has returned only Python's
    own end is left, and an interrupt would print a traceback of that.

    Args:
        name: The command as typed, such as ``nas-search``.
        load: Imports the command and returns it.
    """
    try:
        with _interrupt_ends_at_once(name):
            command = load()
        return command()
    except KeyboardInterrupt:  # between the two
        print(f"{name}: stopped", file=sys.stderr)
        return STOPPED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


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


@contextmanager
def _interrupt_ends_at_once(name: str) -> Iterator[None]:
    """Let Ctrl-C end the process in the block, unless whoever started it has switched it off."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the handler's shape)
        os.write(2, f"{name}: stopped\n".encode())  # print may be what is interrupted
        os._exit(STOPPED)

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, end)
    yield
    signal.signal(signal.SIGINT, before)


def _one_line(error: ValueError | OSError) -> str:
    """Return the message without line breaks; an OSError keeps its file name."""
    return " ".join(str(error).split()) or type(error).__name__
