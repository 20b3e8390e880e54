"""What points have in common: options of one decision, and options in any decision."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.samplers.surrogate.encoded_trials import Codes, Numbers
from nas.samplers.surrogate.levels import Levels

_ORDER = 0.5  # how much of an option's effect follows the order, where options are numbers
_NEAR = 0.3  # length scale of the order; the whole range is 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Features of points, whose products say how alike two points are.

    Many decisions of a network are the same question asked of another stage or edge: an option
    that is good in one is likely to be good in the next. Their effects are taken to have a
    common part and one of their own (a hierarchical linear model; Gelman and Hill, Data
    Analysis Using Regression, 2007, chapter 12).

    Attributes:
        decisions: How many there are.
        own: Features of every code of every decision, [codes, features].
        common: The same, shared by the decisions with the same options, [codes, features].
        starts: First row of every decision, [decisions].
    """

    decisions: int
    own: Numbers
    common: Numbers
    starts: Codes

    @classmethod
    def of(cls, levels: Iterable[Levels]) -> "Likeness":
        """Return the likeness of points with these decisions."""
        every = list(levels)
        sizes = np.array([len(one) + 1 for one in every], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        asked: dict[Any, list[int]] = {}
        for decision, one in enumerate(every):
            asked.setdefault((one.distribution, one.values), []).append(decision)
        own = np.zeros((int(starts[-1]), int(starts[-1])))
        groups = [group for group in asked.values() if len(group) > 1]
        common = np.zeros((int(starts[-1]), int(sum(sizes[group[0]] for group in groups))))
        for group in asked.values():
            effects = _effects(every[group[0]])
            for decision in group:
                rows = slice(starts[decision], starts[decision + 1])
                own[rows, rows] = effects
        column = 0
        for group in groups:
            size = int(sizes[group[0]])
            effects = _effects(every[group[0]])
            for decision in group:
                rows = slice(starts[decision], starts[decision + 1])
                common[rows, column : column + size] = effects - effects[:-1].mean(axis=0)
            column += size
        return cls(decisions=len(every), own=own, common=common, starts=starts[:-1])

    def own_features(self, codes: Codes, relevances: Numbers) -> Numbers:
        """Return features whose products are the share of decisions that agree, [n, features].

        Args:
            codes: [n, decisions].
            relevances: What each decision weighs in the share, of mean 1, [decisions].
        """
        every = np.repeat(relevances, np.diff(self.starts, append=len(self.own)))
        features: Numbers = self._hot(codes) @ self.own * np.sqrt(every / self.decisions)
        return features

    def agreement(self, codes: Codes) -> Numbers:
        """Return how alike points are in each decision, [decisions, n, n]; 1 is the same."""
        features = self._hot(codes) @ self.own
        parts = np.split(features, self.starts[1:], axis=1)
        return np.stack([part @ part.T for part in parts])

    def common_features(self, codes: Codes) -> Numbers:
        """Return features of how often each option was taken, [n, features]; about unit length."""
        features: Numbers = self._hot(codes) @ self.common / np.sqrt(self.decisions)
        return features

    def _hot(self, codes: Codes) -> Numbers:
        hot = np.zeros((len(codes), len(self.own)))
        hot[np.arange(len(codes))[:, None], codes + self.starts] = 1.0
        return hot


def _effects(levels: Levels) -> Numbers:
    """Return features of every code of a decision, inactive last, each of unit length."""
    size = len(levels)
    covariance = np.eye(size + 1)
    ordered = levels.numeric() and size > 2
    if ordered:
        rank = np.arange(size) / (size - 1)
        near = np.exp(-0.5 * ((rank[:, None] - rank) / _NEAR) ** 2)
        covariance[:size, :size] = (1 - _ORDER) * covariance[:size, :size] + _ORDER * near
    return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
