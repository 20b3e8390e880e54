"""Covariances of points that are lists of decisions."""

from dataclasses import dataclass

import numpy as np

from nas.samplers.surrogate.encoded_trials import Numbers

OFFSET = 0.3  # variance of the constant term


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """Weights of main effects, pairs, all orders and common effects.

    Attributes:
        main: Variance of the effects of single decisions.
        pairs: Of pairs of decisions.
        rest: Of all orders.
        common: Of how often each option was taken, by whichever decision.
        length: Length scale of all orders, in decisions.
        reach: Length scale of the common effects.
    """

    main: float = 0.0
    pairs: float = 0.0
    rest: float = 0.0
    common: float = 0.0
    length: float = 1.0
    reach: float = 1.0

    def __call__(self, own: Numbers, common: Numbers, decisions: int) -> Numbers:
        """Return the covariance of points, given the products of their features."""
        covariance = OFFSET + self.main * own
        if self.pairs:
            covariance = covariance + self.pairs * own * own
        if self.rest:
            covariance = covariance + self.rest * np.exp((own - 1.0) * (decisions / self.length))
        if self.common:
            covariance = covariance + self.common * np.exp((common - 1.0) / self.reach)
        return covariance

    def slope(self, own: Numbers, decisions: int) -> Numbers:
        """Return the derivative of the covariance by the share of decisions that agree."""
        slope = self.main + 2.0 * self.pairs * own
        if self.rest:
            steep = decisions / self.length
            slope = slope + self.rest * steep * np.exp((own - 1.0) * steep)
        return slope


KERNELS = (
    Kernel(main=1.0),
    Kernel(main=0.5, pairs=0.5),
    Kernel(main=0.2, pairs=0.2, rest=0.6, length=2.0),
    Kernel(main=0.2, pairs=0.2, rest=0.6, length=5.0),
    Kernel(main=0.3, pairs=0.3, common=0.4, reach=0.5),
    Kernel(main=0.2, pairs=0.2, rest=0.2, common=0.4, length=2.0, reach=1.5),
)


def products(
    left: tuple[Numbers, Numbers], right: tuple[Numbers, Numbers]
) -> tuple[Numbers, Numbers]:
    """Return the share of decisions that agree, and 1 - half the squared distance of counts.

    Args:
        left: Features of points: their own, and those that decisions have in common.
        right: Of the points to compare with.
    """
    own, common = left[0] @ right[0].T, left[1] @ right[1].T
    squares = (left[1] * left[1]).sum(axis=1)[:, None] + (right[1] * right[1]).sum(axis=1)
    return own, 1.0 + common - 0.5 * squares
