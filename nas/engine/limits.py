"""What a search puts up with: slow, large and failing candidates, and its own time."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from nas.candidate import Record
from nas.engine.timeouts import Timeout

MAX_FAILURES = 10
MOST_REASONS = 3  # that are shown of candidates that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a candidate is let go, and when no more are handed out.

    Attributes:
        timeout: How long a candidate may take; its worker is then killed and replaced.
        max_failures: Candidates that may fail in a row; one more ends the session.
        max_concurrent: Candidates in flight at once, however many workers there are.
        ends: When the session hands out no more, on `time.monotonic`'s clock; what is in
            flight then finishes.
        worker_memory_bytes: What a worker may hold of its own; None for an equal share of
            its host.
    """

    timeout: Timeout = field(default_factory=Timeout)
    max_failures: int = MAX_FAILURES
    max_concurrent: int | None = None
    ends: float = math.inf
    worker_memory_bytes: int | None = None

    @property
    def time_is_up(self) -> bool:
        """Whether the session hands out no more."""
        return time.monotonic() >= self.ends

    def __post_init__(self) -> None:
        if self.max_failures < 0:
            raise ValueError(f"Limits.max_failures must be >= 0, got {self.max_failures!r}")
        if self.max_concurrent is not None and self.max_concurrent < 1:
            raise ValueError(f"Limits.max_concurrent must be >= 1, got {self.max_concurrent!r}")


class TooManyFailuresError(Exception):
    """More candidates in a row failed than are allowed; the message says why.

    Attributes:
        traceback: Of the exception that one of them raised last, or empty.
    """

    def __init__(self, failed: Sequence[Record], traceback: str = "") -> None:
        row = "1 candidate" if len(failed) == 1 else f"{len(failed)} candidates in a row"
        super().__init__(f"{row} failed: {reasons_in_words(failed)}")
        self.traceback = traceback


def reasons_in_words(failed: Sequence[Record]) -> str:
    """Return why candidates failed, the most frequent reasons first, with their counts."""
    counted = Counter(record.outcome.reason for record in failed).most_common()
    shown = [f"{reason} ({times} times)" if times > 1 else reason for reason, times in counted]
    more = len(shown) - MOST_REASONS
    return "; ".join([*shown[:MOST_REASONS], *([f"{more} other reasons"] if more > 0 else [])])
