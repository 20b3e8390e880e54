"""How a command of ours starts: Ctrl-C is one line from the first moment on.

Imports next to nothing: what is imported before the handler is set, an interrupt runs through.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 130  # what a shell reports of a command that Ctrl-C ended


def start_command(name: str, load: Callable[[], Callable[[], int]]) -> int:
    """Import a command and run it, so that Ctrl-C is one line whenever it comes.

    An interrupt while modules are imported must not run through them: some turn it into an
    error of their own, and none needs cleaning up. Once the command has returned only Python's
    own end is left, and an interrupt would print a traceback of that.

    Args:
        name: The command as typed, such as ``nas-search``.
        load: Imports the command and returns it.
    """
    # OpenMP's threads spin while they wait for one another. Where other processes want the same
    # cores each spins through its whole share of time, and a training of small layers all but
    # stops. OpenMP reads this when torch is imported; a value that the user has set stays.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with _interrupt_ends_at_once(name):
            command = load()
        return command()
    except KeyboardInterrupt:  # between the two
        print(f"{name}: stopped", file=sys.stderr)
        return STOPPED
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


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
