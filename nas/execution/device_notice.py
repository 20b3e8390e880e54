"""A notice that the workers wait for the device, which another program holds."""

import time
from collections.abc import Callable

from nas.dispatch.job_queue import JobObserver
from search_space.command_line.waiting import NOTE_AFTER_S
from trainer.device.waiting import SECONDS_BETWEEN_NOTES


class DeviceNotice:
    """Notes that a timer of another command has held the workers' device for some seconds.

    The workers wait for it before they train or time. Their own lines are not shown, so the
    driver looks itself.

    Args:
        observer: Receives the notes.
        look: Returns a description of the other command's timer; "" if there is none.
        clock: Returns seconds that never go back.
    """

    def __init__(
        self,
        observer: JobObserver,
        look: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observer, self._look, self._clock = observer, look, clock
        self._seen, self._since, self._noted_at = "", 0.0, float("-inf")

    def update(self) -> None:
        """Look at the device, at most some times in a second."""
        now, seen = self._clock(), self._look()
        if seen != self._seen:
            self._seen, self._since = seen, now
        is_due = now - self._noted_at >= SECONDS_BETWEEN_NOTES
        if seen and is_due and now - self._since >= NOTE_AFTER_S:
            self._noted_at = now
            self._observer.note(f"waiting for the device: {seen}")
