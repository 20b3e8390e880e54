"""Time limits of candidates."""

import math
import re
from bisect import insort
from dataclasses import dataclass, field
from statistics import median
from typing import Self

from nas.units import Duration

LEAST_S = 600.0  # a multiple of the median is never less: slow starts are no hangs
ENOUGH = 5  # finished candidates that make a median
# Twice the image side and twice the epochs are eight times the work; two rungs have no more.
GROWTH = 10.0


_MULTIPLE = re.compile(r"(\d+(?:\.\d+)?)x", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout:
    """A candidate's time limit: seconds, or a multiple of what the others took.

    Attributes:
        seconds: The limit; None where `multiple` says it.
        multiple: Of the median of the trained candidates' seconds, once there are a few, and
            never less than ten minutes.
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
                raise ValueError(f"must be more than 1x the median, got {text!r}")
            return cls(multiple=float(match[1]), text=text)
        try:
            return cls(seconds=Duration.parse(text).seconds, text=text)
        except ValueError:
            raise ValueError(
                f"must be a time such as 90s or 10m, a multiple of the median such as 20x, "
                f"or off, got {text!r}"
            ) from None

    def __str__(self) -> str:
        return self.text


class TimeoutClock:
    """A `Timeout` that learns what candidates take."""

    def __init__(self, timeout: Timeout) -> None:
        self._timeout = timeout
        self._seconds: list[float] = []  # sorted

    def learn(self, seconds: float) -> None:
        """Take note of what a trained candidate took."""
        insort(self._seconds, seconds)

    @property
    def limit_s(self) -> float:
        """What a candidate may take at this moment; infinite where that is not known yet."""
        if self._timeout.seconds is not None:
            return self._timeout.seconds
        if self._timeout.multiple is None or len(self._seconds) < ENOUGH:
            return math.inf
        return max(LEAST_S, self._timeout.multiple * median(self._seconds))


class RungClocks:
    """One clock for each rung, because a rung takes longer than the one before."""

    def __init__(self, timeout: Timeout) -> None:
        self._timeout = timeout
        self._clocks: dict[int, TimeoutClock] = {}

    def learn(self, rung: int, seconds: float) -> None:
        """Take note of what a trained candidate took for a rung."""
        self._clock(rung).learn(seconds)

    def limit_s(self, rung: int) -> float:
        """Return what a rung may take as of now; infinite where that is not known yet.

        A rung that few have finished may take `GROWTH` times what the one before may.
        """
        limit = self._clock(rung).limit_s
        if math.isinf(limit) and rung > 0:
            return GROWTH * self.limit_s(rung - 1)
        return limit

    def _clock(self, rung: int) -> TimeoutClock:
        return self._clocks.setdefault(rung, TimeoutClock(self._timeout))
