"""An observer of a job queue that calls functions."""

from collections.abc import Callable

from nas.candidate import Record
from nas.dispatch.job_queue import JobObserver


class ToyObserver(JobObserver):
    def __init__(
        self,
        on_completed: Callable[[Record], object] | None = None,
        on_note: Callable[[str], object] | None = None,
    ) -> None:
        self._on_completed, self._on_note = on_completed, on_note

    def completed(self, record: Record) -> None:
        if self._on_completed:
            self._on_completed(record)

    def note(self, line: str) -> None:
        if self._on_note:
            self._on_note(line)
