"""Copies a search's candidates elsewhere without ever making the search wait."""

import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from nas.candidate import Record

FIRST_RETRY_S, LAST_RETRY_S = 1.0, 30.0
LONGEST_WAIT_S = 60.0  # at the end, while candidates still arrive


class Copy(Protocol):
    """Where the candidates go; it may raise anything, or hang.

    Attributes:
        present: Number and rung of what is there.
    """

    present: set[tuple[int, int]]

    def add(self, record: Record) -> None:
        """Take a candidate that is not present."""

    def close(self) -> None:
        """Let go."""


class NoMirror:
    """Stands where no mirror is wanted."""

    def add(self, records: Iterable[Record]) -> None:
        """Do nothing."""

    def close(self, patience_s: float) -> str:  # noqa: ARG002
        """Return that nothing is missing."""
        return ""


class Mirror(AbstractContextManager["Mirror"]):
    """A thread that brings every candidate to a copy, in order, each once.

    Whatever goes wrong, the copy is opened anew, asked what it holds, and given the rest; so it
    catches up after a failure, and after a session that ended without it.
    """

    def __init__(
        self, open_copy: Callable[[], Copy], *, name: str, first_retry_s: float = FIRST_RETRY_S
    ) -> None:
        """Start the thread.

        Args:
            open_copy: Opens the copy; called again after each failure.
            name: Of the copy, for people.
            first_retry_s: The wait after a failure; it doubles up to half a minute.
        """
        self._open_copy, self._name, self._first_retry_s = open_copy, name, first_retry_s
        self._records: list[Record] = []
        self._present: set[tuple[int, int]] = set()
        self._trouble = ""
        self._closing = False
        self._changed = threading.Condition()
        # A daemon: a copy that hangs must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="mirror", daemon=True)
        self._thread.start()

    def add(self, records: Iterable[Record]) -> None:
        """Have candidates copied some time soon."""
        with self._changed:
            self._records.extend(records)
            self._changed.notify_all()

    def missing(self) -> int:
        """Return how many candidates the copy has not got yet."""
        with self._changed:
            return sum(_place(record) not in self._present for record in self._records)

    def close(self, patience_s: float) -> str:
        """Wait for what is missing, and no more than `patience_s` for any sign of progress.

        Returns:
            What is missing and why, or an empty string.
        """
        end, last = time.monotonic() + LONGEST_WAIT_S, self.missing()
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
            f"there ({self._trouble or 'no answer'}); the same command adds them later"
        )

    @property
    def trouble(self) -> str:
        """What went wrong last, or an empty string."""
        return self._trouble

    def join(self) -> None:
        """Wait for the thread to end, which after `close` it does once nothing hangs."""
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
                self._copy_on()
            except Exception as error:  # noqa: BLE001 (it is told at the end; a search goes on)
                self._trouble = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            if len(self._present) > before:
                retry_s = self._first_retry_s
            with self._changed:
                self._changed.wait_for(lambda: self._closing, timeout=retry_s)
            retry_s = min(2 * retry_s, LAST_RETRY_S)

    def _copy_on(self) -> None:
        """Open the copy and keep it up to date until something fails or the end comes."""
        copy = self._open_copy()
        try:
            with self._changed:
                self._present = set(copy.present)
            position = 0
            while (record := self._wait_for(position)) is not None:
                if _place(record) not in self._present:
                    copy.add(record)
                    with self._changed:
                        self._present.add(_place(record))
                position += 1
        finally:
            copy.close()

    def _wait_for(self, position: int) -> Record | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or len(self._records) > position)
            return None if self._closing else self._records[position]


def _place(record: Record) -> tuple[int, int]:
    """Return what tells a record from all others: each rung of a candidate is one."""
    return record.candidate.number, record.rung
