"""A search whose workers are all gone says so, rather than seem to be training."""

import time
from collections.abc import Callable

PATIENCE_S = 60.0  # workers of a busy machine take tens of seconds to start


class Vacancy:
    """Notes when nobody has been up for a while, once, and when somebody is again."""

    def __init__(self, on_note: Callable[[str], None], *, patience_s: float | None = None) -> None:
        """Start to wait for the first worker; None waits `PATIENCE_S`."""
        self._on_note = on_note
        self._patience_s = PATIENCE_S if patience_s is None else patience_s
        self._since, self._is_noted = time.monotonic(), False

    def tell(self, *, is_somebody_up: bool) -> None:
        """Take note of whether any worker is up at this moment."""
        now = time.monotonic()
        if is_somebody_up:
            if self._is_noted:
                self._on_note("a worker is up again")
            self._since, self._is_noted = now, False
        elif not self._is_noted and now - self._since > self._patience_s:
            self._is_noted = True
            self._on_note(
                f"no worker has been up for {now - self._since:.0f} s: Ray has room for none, or "
                f"is slow to start one; the search goes on when one is up (`ray status` of a "
                f"cluster shows its nodes)"
            )
