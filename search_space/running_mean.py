"""Mean of numbers that come one after the other."""

from dataclasses import dataclass


@dataclass(slots=True)
class RunningMean:
    """Mean of the numbers so far.

    Attributes:
        total: Their sum.
        count: How many there are.
    """

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        """Add a number."""
        self.total += value
        self.count += 1

    @property
    def value(self) -> float | None:
        """The mean; None of no numbers."""
        return self.total / self.count if self.count else None
