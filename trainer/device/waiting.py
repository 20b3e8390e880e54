"""Waiting for other processes at a device's gate: how long, and what the user is told."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from search_space.command_line.waiting import NOTE_AFTER_S

# Seconds between two such lines of one process; in between, waiting is silent.
SECONDS_BETWEEN_NOTES = 60.0
# Seconds after which a stopped process is not waited for any longer.
STOPPED_AFTER_S = 1.0
# Seconds between two looks at who holds the device.
SECONDS_BETWEEN_LOOKS = 0.2
# Seconds after which a timer, and a step that a timer waits for, is not waited for any longer. A
# timer lets others through after `SLICE_S` seconds of `trainer.device.gate`, so only one that
# hangs, or that is stopped where this cannot be seen (in another container), holds it so long.
LEASE_BOUND_S = 120.0
STEP_BOUND_S = 60.0

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.001, 0.02
# A longer time between two polls means that this process was stopped itself, or the machine
# slept; it is not counted as waiting.
_LONGEST_POLL_S = 1.0

Notice = Callable[[str], None]


def no_notice(line: str) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What a process waits for.

    Attributes:
        token: Name of the lease or of the steps; a new one means that the device was free before.
        text: Description for the user, such as "process 123 (nas-time) is timing".
        is_stopped: Whether the processes that hold the device are stopped.
        bound_s: Seconds after which it is not waited for any longer.
    """

    token: str
    text: str
    is_stopped: bool
    bound_s: float


class Waiting:
    """One process's waiting at a gate.

    Attributes:
        seconds: All time that was spent waiting.
    """

    def __init__(self, notice: Notice) -> None:
        self.seconds = 0.0
        self._notice = notice
        self._noted_at = float("-inf")
        self.begin()

    def begin(self) -> None:
        """Start to wait for another step or lease."""
        self._obstacle: Obstacle | None = None
        self._looked_at = float("-inf")
        self._pause_s = _FIRST_PAUSE_S
        self._total = self._on_this = self._while_stopped = 0.0

    def is_over(self, look: Callable[[], Obstacle]) -> bool:
        """Sleep for a moment; return whether the obstacle was waited for long enough.

        `look` returns the obstacle. It reads files, so it is called a few times in a second only:
        many waiting processes must not disturb what is measured.
        """
        before = time.monotonic()
        obstacle = self._seen(look, before)
        time.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        waited = min(time.monotonic() - before, _LONGEST_POLL_S)
        self.seconds += waited
        self._total += waited
        self._on_this += waited
        self._while_stopped = self._while_stopped + waited if obstacle.is_stopped else 0.0
        if self._while_stopped >= STOPPED_AFTER_S:
            self._notice(
                f"note: {obstacle.text}, but it is stopped: it is not waited for any longer"
            )
            return True
        if self._on_this >= obstacle.bound_s:
            self._notice(
                f"note: {obstacle.text}, for more than {obstacle.bound_s:.0f} s: it is not waited "
                "for any longer, and a step time may be disturbed"
            )
            return True
        if self._total >= NOTE_AFTER_S and before - self._noted_at >= SECONDS_BETWEEN_NOTES:
            self._noted_at = before
            self._notice(f"waiting for the device: {obstacle.text}")
        return False

    def _seen(self, look: Callable[[], Obstacle], now: float) -> Obstacle:
        before = self._obstacle
        if before is not None and now - self._looked_at < SECONDS_BETWEEN_LOOKS:
            return before
        self._obstacle, self._looked_at = look(), now
        if before is None or before.token != self._obstacle.token:
            self._on_this = self._while_stopped = 0.0
        return self._obstacle
