"""Covariance functions of points that are lists of decisions."""

from dataclasses import dataclass

import numpy as np

from nas.samplers.surrogate.encoded_trials import Floats

OFFSET = 0.3  # variance of the constant term

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
