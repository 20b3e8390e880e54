"""Limits of a search: time and memory of a candidate, failures in a row, time of a session."""

import math
import re
import time
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Self

from nas.candidate import Record
from nas.units import Duration
from search_space.checks import shown

MAX_FAILURES = 10
MAX_REASONS = 3  # shown of the reasons why candidates failed
MIN_TIMEOUT_S = 600.0  # lower bound of a multiple of the median, for workers that start slowly
MIN_DURATIONS = 5  # finished candidates from which a median is taken
# Twice the image side and twice the epochs are eight times the work of the rung before.
RUNG_GROWTH = 10.0

_MULTIPLE = re.compile(r"(\d+(?:\.\d+)?)x", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """A candidate's time limit: seconds, a multiple of the median duration, or none.

    Attributes:
        seconds: The limit; None if `multiple` gives it.
        multiple: Multiple of the median duration of the trained candidates; it applies once
            `MIN_DURATIONS` are known, and is never less than `MIN_TIMEOUT_S`.
        text: The text that it was parsed from; empty if it was not.
    """

    seconds: float | None = None
    multiple: float | None = None
    text: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse ``90s``, ``10m``, ``20x`` (of the median) or ``off``.

        Raises:
            ValueError: If `text` has another form.
        """
        if text.strip().lower() == "off":
            return cls(text=text)
        if match := _MULTIPLE.fullmatch(text.strip()):
            if float(match[1]) <= 1:
                raise ValueError(f"must be more than 1x the median, got {shown(text)}")
            return cls(multiple=float(match[1]), text=text)
        try:
            return cls(seconds=Duration.parse(text).seconds, text=text)
        except ValueError:
            raise ValueError(
                f"must be a time such as 90s or 10m, a multiple of the median such as 20x, "
                f"or off, got {shown(text)}"
            ) from None

    def __str__(self) -> str:
        return self.text

    def limit_s(self, durations: Sequence[float]) -> float:
        """Return the limit in seconds; infinite if it is not known yet.

        `durations` are the seconds that each trained candidate took.
        """
        if self.seconds is not None:
            return self.seconds
        if self.multiple is None or len(durations) < MIN_DURATIONS:
            return math.inf
        return max(MIN_TIMEOUT_S, self.multiple * median(durations))


class RungTimeouts:
    """The time limit of each rung, because a rung takes longer than the one before."""

    def __init__(self, timeout: Timeout) -> None:
        self._timeout = timeout
        self._durations: defaultdict[int, list[float]] = defaultdict(list)  # sorted, by rung

    def add_duration(self, rung: int, seconds: float) -> None:
        """Add the duration of a trained candidate's rung."""
        insort(self._durations[rung], seconds)

    def limit_s(self, rung: int) -> float:
        """Return the limit of a rung as of now, seconds; infinite if it is not known yet.

        A rung that few candidates finished has `RUNG_GROWTH` times the limit of the one before.
        """
        limit = self._timeout.limit_s(self._durations[rung])
        if math.isinf(limit) and rung > 0:
            return RUNG_GROWTH * self.limit_s(rung - 1)
        return limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a candidate is stopped, and when a session hands out no more candidates.

    Attributes:
        timeout: Time limit of a candidate; its worker is then killed and replaced.
        max_failures: Candidates that may fail in a row; one more ends the session.
        max_concurrent: Candidates in flight, however many workers there are; None for any.
        ends: When the session hands out no more candidates, on `time.monotonic`'s clock; those
            in flight finish.
        worker_memory_bytes: Private memory of a worker; None for an equal share of its host.

    Raises:
        ValueError: If a number is too small.
    """

    timeout: Timeout = field(default_factory=Timeout)
    max_failures: int = MAX_FAILURES
    max_concurrent: int | None = None
    ends: float = math.inf
    worker_memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.max_failures < 0:
            raise ValueError(f"Limits.max_failures must be >= 0, got {self.max_failures!r}")
        if self.max_concurrent is not None and self.max_concurrent < 1:
            raise ValueError(f"Limits.max_concurrent must be >= 1, got {self.max_concurrent!r}")

    @property
    def time_is_up(self) -> bool:
        """Whether the session hands out no more candidates."""
        return time.monotonic() >= self.ends


class TooManyFailuresError(Exception):
    """More candidates in a row failed than are allowed; the message gives the reasons.

    Attributes:
        traceback: Of the last exception of a candidate; empty if there was none.
    """

    def __init__(self, failed: Sequence[Record], traceback: str = "") -> None:
        row = "1 candidate" if len(failed) == 1 else f"{len(failed)} candidates in a row"
        super().__init__(f"{row} failed: {failure_reasons(failed)}")
        self.traceback = traceback


def failure_reasons(failed: Sequence[Record]) -> str:
    """Return the reasons why candidates failed, the most frequent first, with their counts."""
    counted = Counter(record.outcome.reason for record in failed).most_common()
    shown = [f"{reason} ({times} times)" if times > 1 else reason for reason, times in counted]
    more = len(shown) - MAX_REASONS
    return "; ".join([*shown[:MAX_REASONS], *([f"{more} other reasons"] if more > 0 else [])])
