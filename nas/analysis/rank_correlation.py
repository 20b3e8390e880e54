"""Spearman's rank correlation with a confidence interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z_95 = 1.959964  # two-sided 95 % quantile of the standard normal distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class RankCorrelation:
    """Spearman's rho with its 95 % confidence interval.

    Attributes:
        rho: In [-1, 1]: 1 for equal rankings, -1 for reversed ones; None where all values of one
            side are equal, so that there is no ranking.
        low: Lower end of the interval.
        high: Upper end of the interval.
        count: Number of pairs.
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


def spearman(first: Sequence[float], second: Sequence[float]) -> RankCorrelation:
    """Return Spearman's rank correlation of pairs; ties get the mean of their ranks.

    Raises:
        ValueError: If the two differ in length.
    """
    from scipy.stats import spearmanr  # here, because the import takes half a second

    if len(first) != len(second):
        raise ValueError(f"spearman needs pairs, got {len(first)} and {len(second)} values")
    if len(set(first)) < 2 or len(set(second)) < 2:
        return RankCorrelation(rho=None, low=-1.0, high=1.0, count=len(first))
    return with_interval(float(spearmanr(first, second).statistic), len(first))


def with_interval(rho: float, count: int) -> RankCorrelation:
    """Return `rho` of `count` pairs with its 95 % confidence interval.

    The interval is that of Fisher's z with the standard error
    sqrt((1 + rho^2 / 2) / (n - 3)) of Bonett and Wright, "Sample size requirements for estimating
    Pearson, Kendall and Spearman correlations", Psychometrika 65 (2000). It is [-1, 1] below four
    pairs. Fisher's z of rho = 1 is infinite, so that rho is replaced by the mean of 1 and the next
    lower value that n pairs can have, and rho = -1 likewise.
    """
    rho = min(1.0, max(-1.0, rho))
    if count < 4:
        return RankCorrelation(rho=rho, low=-1.0, high=1.0, count=count)
    most = 1 - 6 / (count**3 - count)
    inner = min(most, max(-most, rho))
    half = Z_95 * math.sqrt((1 + inner**2 / 2) / (count - 3))
    low, high = (math.tanh(math.atanh(inner) + side * half) for side in (-1, 1))
    return RankCorrelation(rho=rho, low=min(low, rho), high=max(high, rho), count=count)
