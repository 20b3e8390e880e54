"""Ctrl-C and SIGTERM as a wish that the loop asks for, instead of an exception anywhere."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

STOPPING = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """While entered, the first signal is a wish to stop; the second one interrupts at once.

    Only the main thread may enter it.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before = {number: signal.getsignal(number) for number in STOPPING}

    def __enter__(self) -> Self:
        for number in STOPPING:
            signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def wanted(self) -> bool:
        """Whether a signal has come."""
        return self.received is not None

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = number


class StopWish:
    """Whether somebody wants the search to stop.

    Attributes:
        signal: What was sent, or None.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    def receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Note a signal; a second Ctrl-C does not wait for the loop.

        Raises:
            KeyboardInterrupt: At the second SIGINT.
        """
        if self.signal is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number)


@contextmanager
def stop_signals() -> Iterator[StopWish]:
    """Turn SIGINT and SIGTERM into a wish for as long as the block lasts.

    A block inside another shares its wish, so that no signal is lost on the way in or out.
    Handlers belong to the main thread; elsewhere the wish never comes true.
    """
    if threading.current_thread() is not threading.main_thread():
        yield StopWish()
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    outer = getattr(before[signal.SIGINT], "__self__", None)
    wish = outer if isinstance(outer, StopWish) else StopWish()
    for number in before:
        signal.signal(number, wish.receive)
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
