"""A notice that a search has no running worker."""

import time

from nas.dispatch.job_queue import JobObserver

PATIENCE_S = 60.0  # workers of a busy machine take tens of seconds to start


class NoWorkerNotice:
    """Notes once that no worker has run for a while, and that a worker runs again."""

    def __init__(self, observer: JobObserver) -> None:
        """Start to wait for the first worker; `observer` receives the notes."""
        self._observer = observer
        self._since, self._is_noted = time.monotonic(), False

    def update(self, *, any_running: bool) -> None:
        """Take in whether any worker runs at this moment."""
        now = time.monotonic()
        if any_running:
            if self._is_noted:
                self._observer.note("a worker is up again")
            self._since, self._is_noted = now, False
        elif not self._is_noted and now - self._since > PATIENCE_S:
            self._is_noted = True
            self._observer.note(
                f"no worker has been up for {now - self._since:.0f} s: Ray has room for none, or "
                f"is slow to start one; the search goes on when one is up (`ray status` of a "
                f"cluster shows its nodes)"
            )
