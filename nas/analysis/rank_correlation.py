"""How far two rankings of the same things agree, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Z_95 = 1.959964  # two-sided 95 % of a normal distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCorrelation:
    """Spearman's rho with its interval.

    Attributes:
        rho: In [-1, 1]: 1 for the same ranking, -1 for the reverse; None where all values of a
            side are equal, so that there is no ranking.
        low: Lower end of the 95 % interval.
        high: Upper end.
        count: Pairs it is over.
    """

    rho: float | None
    low: float
    high: float
    count: int

    @property
    def is_positive(self) -> bool:
        """Whether the whole interval is above zero."""
        return self.rho is not None and self.low > 0

    def __str__(self) -> str:
        if self.rho is None:
            return f"no ranking (n = {self.count})"
        return (
            f"{self.rho:.2f} (95 % interval {self.low:.2f} to {self.high:.2f}, n = {self.count})"
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"rho": self.rho, "low": self.low, "high": self.high, "count": self.count}


def spearman(first: Sequence[float], second: Sequence[float]) -> RankCorrelation:
    """Return Spearman's rank correlation of pairs; ties share the mean of their ranks.

    Raises:
        ValueError: If the two are not of one length.
    """
    if len(first) != len(second):
        raise ValueError(f"spearman needs pairs, got {len(first)} and {len(second)} values")
    if len(first) < 2 or len(set(first)) < 2 or len(set(second)) < 2:
        return RankCorrelation(rho=None, low=-1.0, high=1.0, count=len(first))
    one, two = (pd.Series(list(side), dtype=float).rank() for side in (first, second))
    return with_interval(float(np.corrcoef(one, two)[0, 1]), len(first))


def with_interval(rho: float, count: int) -> RankCorrelation:
    """Return `rho` over so many pairs with its 95 % interval.

    Fisher's z with the standard error sqrt((1 + rho^2 / 2) / (n - 3)) of Bonett and Wright,
    "Sample size requirements for estimating Pearson, Kendall and Spearman correlations",
    Psychometrika 65 (2000). Below four pairs nothing is known: -1 to 1. A rho of 1 has no z;
    it is taken for the middle between itself and the next lower rho that n pairs can have.
    """
    rho = min(1.0, max(-1.0, rho))
    if count < 4:
        return RankCorrelation(rho=rho, low=-1.0, high=1.0, count=count)
    most = 1 - 6 / (count**3 - count)
    inner = min(most, max(-most, rho))
    half = Z_95 * math.sqrt((1 + inner**2 / 2) / (count - 3))
    low, high = (math.tanh(math.atanh(inner) + side * half) for side in (-1, 1))
    return RankCorrelation(rho=rho, low=min(low, rho), high=max(high, rho), count=count)
