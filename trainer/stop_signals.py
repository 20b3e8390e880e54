"""Ctrl-C and SIGTERM as a wish that the loop asks for, instead of an exception anywhere."""

import signal
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
