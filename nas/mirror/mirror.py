"""Mirror of a search: copies its candidates to another place without delaying it."""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from nas.candidate import Record

FIRST_RETRY_S, MAX_RETRY_S = 1.0, 30.0
MAX_CLOSE_S = 60.0  # of waiting at the end, while candidates are still copied


class MirrorTarget(Protocol):
    """Destination of the candidates, such as a `MirrorStudy`; may raise anything, or hang.

    Attributes:
        present: Candidate number and rung of each record that it contains.
    """

    present: set[tuple[int, int]]

    def add(self, record: Record) -> None:
        """Add a record that is not present, and its number and rung to `present`."""

    def close(self) -> None:
        """Release the connection."""


class NoMirror:
    """The mirror of a search without one."""

    def add(self, records: Iterable[Record]) -> None:
        """Do nothing."""

    def close(self, patience_s: float) -> str:  # noqa: ARG002
        """Return that nothing is missing."""
        return ""


class Mirror(AbstractContextManager["Mirror"]):
    """A thread that copies every record to a target, in order, each once.

    After any failure it opens the target again, reads what is present, and adds the rest. So the
    target is completed after a failure, and after a session that ended before it was complete.

    Attributes:
        error: The last error, or an empty string.
    """

    def __init__(
        self,
        open_target: Callable[[], MirrorTarget],
        *,
        name: str,
        masked: Callable[[str], str] = str,
        first_retry_s: float = FIRST_RETRY_S,
    ) -> None:
        """Start the thread.

        Args:
            open_target: Opens the target; called again after each failure.
            name: Name of the target in messages.
            masked: Masks passwords in the text of an error.
            first_retry_s: Wait after the first failure, seconds; doubled after each further one,
                up to `MAX_RETRY_S`.
        """
        self._open_target, self._name, self._first_retry_s = open_target, name, first_retry_s
        self._masked = masked
        self._records: list[Record] = []
        self._present: set[tuple[int, int]] = set()
        self.error = ""
        self._closing = False
        self._changed = threading.Condition()
        # A daemon thread: a target that hangs must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)
        self._thread.start()

    def add(self, records: Iterable[Record]) -> None:
        """Queue records for copying."""
        with self._changed:
            self._records.extend(records)
            self._changed.notify_all()

    def missing(self) -> int:
        """Return the number of records that the target does not contain yet."""
        with self._changed:
            return sum(_identity(record) not in self._present for record in self._records)

    def close(self, patience_s: float) -> str:
        """Wait for missing records, at most `patience_s` seconds without progress.

        Returns:
            The number of missing records and the reason, or an empty string.
        """
        end, last = time.monotonic() + MAX_CLOSE_S, self.missing()
        until = time.monotonic() + patience_s
        while (missing := self.missing()) and time.monotonic() < min(end, until):
            if missing < last:
                last, until = missing, time.monotonic() + patience_s
            time.sleep(0.05)
        self._stop()
        if not missing:
            return ""
        return (
            f"mirror {self._name}: {missing} of {len(self._records)} candidates are missing "
            f"there ({self.error or 'no answer'}); the same command adds them later"
        )

    def join(self) -> None:
        """Wait for the end of the thread, which follows `close` unless the target hangs."""
        self._thread.join()

    def __exit__(self, *error: object) -> None:
        self._stop()

    def _stop(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _run(self) -> None:
        retry_s = self._first_retry_s
        while not self._closing:
            before = len(self._present)
            try:
                self._copy()
            except Exception as error:  # noqa: BLE001 (reported by `close`; the search continues)
                text = " ".join(f"{type(error).__name__}: {error}".split())
                self.error = self._masked(text)[:300]
            if len(self._present) > before:
                retry_s = self._first_retry_s
            with self._changed:
                self._changed.wait_for(lambda: self._closing, timeout=retry_s)
            retry_s = min(2 * retry_s, MAX_RETRY_S)

    def _copy(self) -> None:
        """Open the target and add records until an error or the end."""
        target = self._open_target()
        try:
            self._present = target.present  # the target adds to it
            position = 0
            while (record := self._wait_for(position)) is not None:
                if _identity(record) not in self._present:
                    target.add(record)
                position += 1
        finally:
            target.close()

    def _wait_for(self, position: int) -> Record | None:
        """Return the record at `position` once it is queued; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or len(self._records) > position)
            return None if self._closing else self._records[position]


def _identity(record: Record) -> tuple[int, int]:
    """Return candidate number and rung, which identify a record."""
    return record.candidate.number, record.rung
