"""Ctrl-C and termination as a wish that the search's loop fulfils when it next looks."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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
