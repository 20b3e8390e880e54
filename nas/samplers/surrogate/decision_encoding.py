"""Encoding of each decision as a few levels, so that one model handles options and numbers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

_MAX_INTEGERS = 20  # a longer range of integers is divided into bins
_NUM_BINS = 8


class DecisionEncoding:
    """The levels of one decision; `len` is their number.

    The levels of a categorical decision are its options, those of a short range of integers the
    integers. Any other range is divided into equal bins, of the logarithm if the distribution is
    logarithmic.

    Attributes:
        distribution: Optuna's distribution of the decision.
        values: Value of each level; empty if the levels are bins.
    """

    def __init__(self, distribution: BaseDistribution) -> None:
        self.distribution = distribution
        self.values: tuple[Any, ...] = ()
        if isinstance(distribution, CategoricalDistribution):
            self.values = tuple(distribution.choices)
        elif isinstance(distribution, IntDistribution):
            integers = range(distribution.low, distribution.high + 1, distribution.step)
            self.values = tuple(integers) if len(integers) <= _MAX_INTEGERS else ()
        elif distribution.single():
            self.values = (getattr(distribution, "low", None),)
        if isinstance(distribution, FloatDistribution | IntDistribution):
            self._scale: Callable[[float], float] = math.log if distribution.log else float
            self._low, self._high = self._scale(distribution.low), self._scale(distribution.high)
        self._level_by_value = {value: level for level, value in enumerate(self.values)}

    def __len__(self) -> int:
        return len(self.values) or _NUM_BINS

    @property
    def is_ordered(self) -> bool:
        """Whether the levels are numbers in ascending order."""
        are_numbers = all(
            isinstance(each, int | float) and not isinstance(each, bool) for each in self.values
        )
        return are_numbers and list(self.values) == sorted(self.values)

    def level(self, value: Any) -> int:
        """Return the level of a value; the number of levels if no level has the value."""
        if self.values:
            return self._level_by_value.get(value, len(self))
        position = (self._scale(value) - self._low) / (self._high - self._low)
        return min(max(int(position * _NUM_BINS), 0), _NUM_BINS - 1)

    def value(self, level: int, rng: np.random.Generator) -> Any:
        """Return the value of a level, or a number drawn uniformly from a bin."""
        if self.values:
            return self.values[level]
        distribution = self.distribution
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        number = self._low + (self._high - self._low) * (level + rng.random()) / _NUM_BINS
        if distribution.log:
            number = math.exp(number)
        if distribution.step is not None:
            steps = round((number - distribution.low) / distribution.step)
            number = distribution.low + steps * distribution.step
        number = min(max(number, distribution.low), distribution.high)
        return round(number) if isinstance(distribution, IntDistribution) else number
