"""Every decision as a handful of levels, so that one model serves categories and numbers."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

_MOST_WHOLE_NUMBERS = 20  # a longer range of whole numbers is cut into bins
_BINS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The levels of one decision.

    A categorical decision has its options as levels, a short range of whole numbers each of
    them, and any other range equal bins, of the logarithm where the distribution says so.

    Attributes:
        distribution: What Optuna knows of the decision.
        values: The value of each level; empty where the levels are bins.
    """

    distribution: BaseDistribution
    values: tuple[Any, ...]

    @classmethod
    def of(cls, distribution: BaseDistribution) -> "Levels":
        """Return the levels of a distribution."""
        values: tuple[Any, ...] = ()
        if isinstance(distribution, CategoricalDistribution):
            values = tuple(distribution.choices)
        elif isinstance(distribution, IntDistribution):
            whole = range(distribution.low, distribution.high + 1, distribution.step)
            values = tuple(whole) if len(whole) <= _MOST_WHOLE_NUMBERS else ()
        elif distribution.single():
            values = (getattr(distribution, "low", None),)
        return cls(distribution=distribution, values=values)

    def __len__(self) -> int:
        return len(self.values) or _BINS

    def numeric(self) -> bool:
        """Return whether the levels are numbers in ascending order."""
        numbers = [
            v for v in self.values if isinstance(v, int | float) and not isinstance(v, bool)
        ]
        return len(numbers) == len(self.values) and numbers == sorted(numbers)

    def codes(self) -> dict[Any, int]:
        """Return value -> level; empty where the levels are bins."""
        return {value: level for level, value in enumerate(self.values)}

    def bin_of(self, value: float) -> int:
        """Return the bin that a number lies in."""
        low, high = self._ends()
        place = (self._scaled(value) - low) / (high - low)
        return min(max(int(place * _BINS), 0), _BINS - 1)

    def value(self, level: int, rng: np.random.Generator) -> Any:
        """Return the value of a level: of a bin, a number drawn from it."""
        if self.values:
            return self.values[level]
        low, high = self._ends()
        drawn = low + (high - low) * (level + rng.random()) / _BINS
        return self._on_grid(math.exp(drawn) if self._log() else drawn)

    def _log(self) -> bool:
        return bool(getattr(self.distribution, "log", False))

    def _scaled(self, value: float) -> float:
        return math.log(value) if self._log() else float(value)

    def _ends(self) -> tuple[float, float]:
        distribution = self.distribution
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        return self._scaled(distribution.low), self._scaled(distribution.high)

    def _on_grid(self, number: float) -> float | int:
        distribution = self.distribution
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        if distribution.step is not None:
            steps = round((number - distribution.low) / distribution.step)
            number = distribution.low + steps * distribution.step
        number = min(max(number, distribution.low), distribution.high)
        return round(number) if isinstance(distribution, IntDistribution) else number
