"""Covariance functions of points that are lists of decisions, and the features they compare."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from optuna.distributions import BaseDistribution
from scipy.linalg import block_diag

from nas.samplers.surrogate.decision_encoding import Codes, DecisionEncoding, Floats

OFFSET = 0.3  # variance of the constant term
_ORDER_SHARE = 0.5  # share of an option's effect that follows the order, if options are numbers
_ORDER_LENGTH = 0.3  # length scale of the order; the whole range is 1

Features = tuple[Floats, Floats]  # of n points: per decision [n, d] and shared [n, s]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A sum of effects of single decisions, of pairs, of all orders, and of shared effects.

    Attributes:
        main: Variance of the effects of single decisions.
        pairs: Variance of the effects of pairs of decisions.
        all_orders: Variance of the effects of all orders.
        shared: Variance of the effects of how often each option is taken in any decision.
        length: Length scale of the effects of all orders, in decisions.
        shared_length: Length scale of the shared effects.
    """

    main: float = 0.0
    pairs: float = 0.0
    all_orders: float = 0.0
    shared: float = 0.0
    length: float = 1.0
    shared_length: float = 1.0

    def __call__(self, agreement: Floats, shared: Floats, num_decisions: int) -> Floats:
        """Return the covariance of points, given what `similarities` returns, [n, m]."""
        covariance = OFFSET + self.main * agreement
        if self.pairs:
            covariance = covariance + self.pairs * agreement * agreement
        if self.all_orders:
            scale = num_decisions / self.length
            covariance = covariance + self.all_orders * np.exp((agreement - 1.0) * scale)
        if self.shared:
            covariance = covariance + self.shared * np.exp((shared - 1.0) / self.shared_length)
        return covariance

    def slope(self, agreement: Floats, num_decisions: int) -> Floats:
        """Return the derivative of the covariance with respect to the agreement, [n, m]."""
        slope = self.main + 2.0 * self.pairs * agreement
        if self.all_orders:
            scale = num_decisions / self.length
            slope = slope + self.all_orders * scale * np.exp((agreement - 1.0) * scale)
        return slope


KERNELS = (
    Kernel(main=1.0),
    Kernel(main=0.5, pairs=0.5),
    Kernel(main=0.2, pairs=0.2, all_orders=0.6, length=2.0),
    Kernel(main=0.2, pairs=0.2, all_orders=0.6, length=5.0),
    Kernel(main=0.3, pairs=0.3, shared=0.4, shared_length=0.5),
    Kernel(main=0.2, pairs=0.2, all_orders=0.2, shared=0.4, length=2.0, shared_length=1.5),
)


def similarities(left: Features, right: Features) -> tuple[Floats, Floats]:
    """Return the similarities of n with m points, which kernels turn into covariances.

    Returns:
        The share of decisions that agree, and 1 - half the squared distance of the shared
        features; both [n, m] and 1 for equal points.
    """
    agreement, shared = left[0] @ right[0].T, left[1] @ right[1].T
    squares = (left[1] * left[1]).sum(axis=1)[:, None] + (right[1] * right[1]).sum(axis=1)
    return agreement, 1.0 + shared - 0.5 * squares


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

    def __init__(self, encodings: Collection[DecisionEncoding]) -> None:
        """Compute the features of the codes of these decisions."""
        effects = [_effects(encoding) for encoding in encodings]
        starts = np.concatenate([[0], np.cumsum([len(block) for block in effects])])
        groups: defaultdict[BaseDistribution, list[int]] = defaultdict(list)
        for decision, encoding in enumerate(encodings):
            groups[encoding.distribution].append(decision)
        shared = [np.empty((starts[-1], 0))]
        for group in groups.values():
            if len(group) > 1:
                centred = effects[group[0]] - effects[group[0]][:-1].mean(axis=0)
                columns = np.zeros((starts[-1], len(centred)))
                for decision in group:
                    columns[starts[decision] : starts[decision + 1]] = centred
                shared.append(columns)
        self.num_decisions, self.starts = len(encodings), starts[:-1]
        self.per_decision: Floats = block_diag(*effects)
        self.shared: Floats = np.concatenate(shared, axis=1)

    def __call__(self, codes: Codes, weights: Floats) -> Features:
        """Return two arrays of features, [n, features].

        The products of the first are the share of decisions that agree. The second tells how
        often each option is taken and has rows of about length 1.

        Args:
            codes: Points, [n, decisions].
            weights: Weight of each decision in the share, of mean 1, [decisions].
        """
        by_code = np.repeat(weights, np.diff(self.starts, append=len(self.per_decision)))
        scale, one_hot = np.sqrt(by_code / self.num_decisions), self._one_hot(codes)
        shared = one_hot @ self.shared / np.sqrt(self.num_decisions)
        return one_hot @ self.per_decision * scale, shared

    def agreement(self, codes: Codes) -> Floats:
        """Return the similarity of points in each decision, [decisions, n, n]; 1 is equal."""
        features = self._one_hot(codes) @ self.per_decision
        blocks = np.split(features, self.starts[1:], axis=1)
        return np.stack([block @ block.T for block in blocks])

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
