"""Start of a command, so that Ctrl-C is reported in one line at any moment.

This module imports only modules that load quickly: an interrupt during imports that precede the
handler would print a traceback.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 130  # exit code that shells use for Ctrl-C: 128 + SIGINT


def start_command(name: str, load: Callable[[], Callable[[], int]]) -> int:
    """Import the command `name` and run it; Ctrl-C is reported in one line at any moment.

    An interrupt during imports ends the process directly: some modules turn KeyboardInterrupt
    into an error of another type, and nothing needs to be cleaned up yet. After the command has
    returned, interrupts are ignored: one during Python's shutdown would print a traceback.

    `load` imports the command and returns it. The exit code is returned.
    """
    # OpenMP's threads spin while they wait for each other. If other processes need the same
    # cores, each thread spins through its share of time, and a training of small layers almost
    # stops. OpenMP reads this variable when torch is imported; a value set by the user stays.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with _interrupt_ends_at_once(name):
            command = load()
        return command()
    except KeyboardInterrupt:  # between import and call
        print(f"{name}: stopped", file=sys.stderr)
        return STOPPED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _interrupt_ends_at_once(name: str) -> Iterator[None]:
    """Let Ctrl-C end the process in the block, unless the parent process disabled it."""

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler's signature)
        os.write(2, f"{name}: stopped\n".encode())  # not print, which may be interrupted itself
        os._exit(STOPPED)

    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, end)
    yield
    signal.signal(signal.SIGINT, before)
