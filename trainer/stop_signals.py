"""SIGINT, SIGTERM and SIGHUP as a request that a loop reads, not an exception at any line."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopCondition(Protocol):
    """Tells a loop when to stop: a `StopRequest`, or another source of requests."""

    def requested(self) -> bool:
        """Return whether a stop was requested."""
        ...


class StopRequest:
    """Whether a signal has asked the process to stop; a `StopCondition`.

    Attributes:
        signal: The last signal; None before the first.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def requested(self) -> bool:
        """Return whether a signal was received."""
        return self.signal is not None

    def receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Store a signal; a second SIGINT interrupts immediately.

        Raises:
            KeyboardInterrupt: At the second SIGINT.
        """
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)


@contextmanager
def stop_signals() -> Iterator[StopRequest]:
    """Turn SIGINT, SIGTERM and SIGHUP into a stop request for the duration of the block.

    SIGHUP is sent when the terminal closes; where it is ignored, as under nohup, it stays ignored.
    A nested block yields the request of the outer block and sets the handlers again, so that no
    signal is lost. Only the main thread can set handlers; in other threads the request is never
    made.
    """
    if threading.current_thread() is not threading.main_thread():
        yield StopRequest()
        return
    before = {number: signal.getsignal(number) for number in STOPPING}
    if before[signal.SIGHUP] is signal.SIG_IGN:
        del before[signal.SIGHUP]
    outer = getattr(before[signal.SIGINT], "__self__", None)
    stop = outer if isinstance(outer, StopRequest) else StopRequest()
    for number in before:
        signal.signal(number, stop.receive)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
