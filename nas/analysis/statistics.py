"""Statistics of accuracies: rank correlation, and significance against guessing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import bdtrc

from search_space.checks import require

Z_95 = 1.959964  # two-sided 95 % quantile of the standard normal distribution
# Probability that a network which has learnt nothing passes the test. Small, because a search
# tests many candidates and selects the best of them.
ALPHA = 1e-4


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
        interval = f"95 % interval {self.low:.2f} to {self.high:.2f}"
        return f"{self.rho:.2f} ({interval}, n = {self.count})"


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


def is_at_chance(accuracy: float, *, images: int, chance: float) -> bool:
    """Return whether guessing explains `accuracy`, by an exact one-sided binomial test.

    With 10 balanced classes, the lowest accuracy above chance is 17.3 % on 300 images, 13.8 % on
    1,000 and 11.1 % on 10,000.

    Args:
        accuracy: Top-1 accuracy, in [0, 1].
        images: Images that it was measured on, >= 1.
        chance: Accuracy of guessing, in (0, 1]: the share of the most frequent class.

    Raises:
        ValueError: If an argument is out of range.
    """
    require(0 <= accuracy <= 1, "is_at_chance.accuracy", "in [0, 1]", accuracy)
    return round(accuracy * images) < min_correct_above_chance(images, chance)


@lru_cache(maxsize=64)
def min_correct_above_chance(images: int, chance: float) -> int:
    """Return the lowest number of correct answers that guessing does not explain.

    Guessing reaches it with a probability of at most `ALPHA`. It is ``images + 1`` where even
    all answers correct would not be significant.

    Raises:
        ValueError: If an argument is out of range.
    """
    require(images >= 1, "min_correct_above_chance.images", ">= 1", images)
    require(0 < chance <= 1, "min_correct_above_chance.chance", "in (0, 1]", chance)
    tails = bdtrc(np.arange(images + 1), images, chance)  # of more than 0, 1, ... correct answers
    return int((tails > ALPHA).sum()) + 1
