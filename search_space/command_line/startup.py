"""Start of a command, so that every signal and every lack of resources is one line at any moment.

This module imports only modules that load quickly: an interrupt during imports that precede the
handler would print a traceback.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from search_space.command_line.resources import lack_of_resources
from search_space.command_line.streams import lost_output, prepare_streams

BAD_INPUT = 2
SIGNALLED = 128  # shells report a process that a signal stopped as 128 + the signal's number
STOPPED = SIGNALLED + signal.SIGINT
SECONDS_BEFORE_NOTE = 2.0
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalledError(KeyboardInterrupt):
    """A signal other than SIGINT, as an interrupt at any line.

    Attributes:
        signal: The signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = signal.Signals(number)


def start_command(name: str, load: Callable[[], Callable[[], int]]) -> int:
    """Import the command `name` and run it; a signal is reported in one line at any moment.

    An interrupt during imports ends the process directly: some modules turn KeyboardInterrupt
    into an error of another type, and nothing needs to be cleaned up yet. After the command has
    returned, Ctrl-C is ignored: during Python's shutdown it would print a traceback.

    The command continues without its output if its reader has ended. Output that is lost
    for another reason, such as a full disk, is reported, with exit code 2 instead of 0.

    `load` imports the command and returns it. The exit code is returned.
    """
    # OpenMP's threads spin while they wait for each other. If other processes need the same
    # cores, each thread spins through its share of time, and a training of small layers almost
    # stops. OpenMP reads this variable when torch is imported; a value set by the user stays.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    prepare_streams()
    try:
        with _signals_interrupt():
            code = _start(name, load)
    except KeyboardInterrupt as interrupt:  # between import and call
        code = stopped(name, interrupt)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (error := lost_output()) is None:
        return code
    print(f"{name}: standard output could not be written: {error.strerror}", file=sys.stderr)
    return code or BAD_INPUT


def stopped(name: str, interrupt: KeyboardInterrupt) -> int:
    """Report that a signal stopped the command `name`, and return its exit code."""
    number = interrupt.signal if isinstance(interrupt, SignalledError) else signal.SIGINT
    print(_message(name, number), file=sys.stderr)
    return SIGNALLED + number


def _message(name: str, number: signal.Signals) -> str:
    return f"{name}: stopped" + ("" if number == signal.SIGINT else f" by {number.name}")


def _start(name: str, load: Callable[[], Callable[[], int]]) -> int:
    """Import the command and run it, unless the process lacks what every command needs."""
    try:
        os.getcwd()  # noqa: PTH109 (pathlib is not imported yet)
    except FileNotFoundError:
        print(f"{name}: the current folder was deleted; go to another one (cd)", file=sys.stderr)
        return BAD_INPUT
    try:
        with _signals_end_at_once(name), _loading_is_said(name):
            command = load()
    except Exception as error:
        if not (lack := lack_of_resources(error)):
            raise
        print(f"{name}: the libraries cannot be loaded: {lack}", file=sys.stderr)
        return BAD_INPUT
    return command()


@contextmanager
def _loading_is_said(name: str) -> Iterator[None]:
    """Say on a terminal that libraries are loading, if it takes long; remove the line at the end.

    PyTorch and Ray take seconds to load, and tens of seconds from a slow disk.
    """
    if not sys.stderr.isatty():
        yield
        return
    said = threading.Event()

    def say() -> None:
        said.set()
        print(f"\r{name}: loading libraries ...", end="", file=sys.stderr, flush=True)

    timer = threading.Timer(SECONDS_BEFORE_NOTE, say)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if said.is_set():
            timer.join()
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)


@contextmanager
def _signals_end_at_once(name: str) -> Iterator[None]:
    """Let a signal end the process in the block, unless the parent process disabled it."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler's signature)
        with suppress(OSError):  # not print, which may be interrupted itself
            os.write(2, f"{_message(name, signal.Signals(number))}\n".encode())
        os._exit(SIGNALLED + number)

    with _handled(end, ENDING):
        yield


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """Let SIGTERM and SIGHUP interrupt the block as Ctrl-C does, so that it cleans up.

    Only the first one does: the second of several in a row would interrupt the cleaning.
    """
    process = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        if os.getpid() != process:  # a fork, which this process does not wait for
            os._exit(SIGNALLED + number)
        for each in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise SignalledError(number)

    with _handled(interrupt, (signal.SIGTERM, signal.SIGHUP)):
        yield


@contextmanager
def _handled(
    handler: Callable[[int, FrameType | None], None], numbers: tuple[signal.Signals, ...]
) -> Iterator[None]:
    """Set the handler of signals for the block; those that are ignored stay ignored."""
    before = {number: signal.getsignal(number) for number in numbers}
    changed = {number: old for number, old in before.items() if old not in (signal.SIG_IGN, None)}
    for number in changed:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in changed.items():
            signal.signal(number, old)
