"""Features of points whose products tell how similar two points are."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from nas.samplers.surrogate.decision_encoding import DecisionEncoding
from nas.samplers.surrogate.encoded_trials import Codes, Floats

_ORDER_SHARE = 0.5  # share of an option's effect that follows the order, if options are numbers
_ORDER_LENGTH = 0.3  # length scale of the order; the whole range is 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelFeatures:
    """Maps points to features, per decision and shared between decisions.

    Many decisions of a network are the same question asked of another stage or edge: an option
    that is good in one is likely to be good in the next. Their effects are modelled as a shared
    part and a part per decision (a hierarchical linear model; Gelman and Hill, Data Analysis
    Using Regression, 2007, chapter 12).

    Attributes:
        num_decisions: Number of decisions.
        per_decision: Features of every code of every decision, [codes, codes].
        shared: Features that decisions with the same options have in common, [codes, features].
        starts: Index of the first code of every decision, [decisions].
    """

    num_decisions: int
    per_decision: Floats
    shared: Floats
    starts: Codes

    @classmethod
    def of(cls, encodings: Iterable[DecisionEncoding]) -> "KernelFeatures":
        """Return the features of points with these decisions."""
        encodings = list(encodings)
        effects = [_effects(encoding) for encoding in encodings]
        sizes = np.array([len(block) for block in effects], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(sizes)])
        groups: dict[Any, list[int]] = {}
        for decision, encoding in enumerate(encodings):
            groups.setdefault((encoding.distribution, encoding.values), []).append(decision)
        shared = [np.empty((starts[-1], 0))]
        for group in groups.values():
            if len(group) > 1:
                centred = effects[group[0]] - effects[group[0]][:-1].mean(axis=0)
                columns = np.zeros((starts[-1], len(centred)))
                for decision in group:
                    columns[starts[decision] : starts[decision + 1]] = centred
                shared.append(columns)
        return cls(
            num_decisions=len(encodings),
            per_decision=block_diag(*effects),
            shared=np.concatenate(shared, axis=1),
            starts=starts[:-1],
        )

    def per_decision_features(self, codes: Codes, weights: Floats) -> Floats:
        """Return features whose products are the share of decisions that agree, [n, features].

        Args:
            codes: Points, [n, decisions].
            weights: Weight of each decision in the share, of mean 1, [decisions].
        """
        by_code = np.repeat(weights, np.diff(self.starts, append=len(self.per_decision)))
        scale = np.sqrt(by_code / self.num_decisions)
        features: Floats = self._one_hot(codes) @ self.per_decision * scale
        return features

    def agreement(self, codes: Codes) -> Floats:
        """Return the similarity of points in each decision, [decisions, n, n]; 1 is equal."""
        features = self._one_hot(codes) @ self.per_decision
        blocks = np.split(features, self.starts[1:], axis=1)
        return np.stack([block @ block.T for block in blocks])

    def shared_features(self, codes: Codes) -> Floats:
        """Return features of how often each option is taken, about of length 1, [n, features]."""
        features: Floats = self._one_hot(codes) @ self.shared / np.sqrt(self.num_decisions)
        return features

    def _one_hot(self, codes: Codes) -> Floats:
        one_hot = np.zeros((len(codes), len(self.per_decision)))
        one_hot[np.arange(len(codes))[:, None], codes + self.starts] = 1.0
        return one_hot


def _effects(encoding: DecisionEncoding) -> Floats:
    """Return features of unit length of every code of a decision, inactive last."""
    size = len(encoding)
    covariance = np.eye(size + 1)
    if encoding.is_ordered and size > 2:
        rank = np.arange(size) / (size - 1)
        near = np.exp(-0.5 * ((rank[:, None] - rank) / _ORDER_LENGTH) ** 2)
        covariance[:size, :size] = (1 - _ORDER_SHARE) * np.eye(size) + _ORDER_SHARE * near
    return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
