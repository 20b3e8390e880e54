"""A Gaussian process over categorical decisions: main effects, pairs, and what is left.

In the weight-space view this is Bayesian linear regression: the share h of decisions in which
two points agree is the kernel of one weight per option, h**2 that of one per pair of options,
and exp(-(1 - h) D / l) has all orders. Mixtures of the three with several levels of noise are
weighed by their marginal likelihood, so that few points are not trusted too much.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, sections 2.1, 2.2, 5.4.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from nas.samplers.known_trials import Codes, Numbers
from nas.samplers.likeness import Likeness


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kernel:
    """Weights of main effects, pairs, all orders and common effects.

    Attributes:
        length: Length scale of all orders, in decisions.
    """

    main: float = 0.0
    pairs: float = 0.0
    rest: float = 0.0
    common: float = 0.0
    length: float = 1.0
    reach: float = 1.0

    def __call__(self, own: Numbers, common: Numbers, decisions: int) -> Numbers:
        """Return the covariance of points, given the products of their features."""
        covariance = _OFFSET + self.main * own
        if self.pairs:
            covariance = covariance + self.pairs * own * own
        if self.rest:
            covariance = covariance + self.rest * np.exp((own - 1.0) * (decisions / self.length))
        if self.common:
            covariance = covariance + self.common * np.exp((common - 1.0) / self.reach)
        return covariance


_KERNELS = (
    _Kernel(main=1.0),
    _Kernel(main=0.5, pairs=0.5),
    _Kernel(main=0.2, pairs=0.2, rest=0.6, length=2.0),
    _Kernel(main=0.2, pairs=0.2, rest=0.6, length=5.0),
    _Kernel(main=0.3, pairs=0.3, common=0.4, reach=0.5),
    _Kernel(main=0.2, pairs=0.2, rest=0.2, common=0.4, length=2.0, reach=1.5),
)
_NOISE = (1e-3, 0.02, 0.2)  # variance, of a target's own
_OFFSET = 0.3  # variance of the constant term
_WEIGHED = 80  # points that the mixtures are weighed on
_WORTH = 3.0  # a mixture this many nats behind the best is left out
_PRIOR_POINTS = 2.0  # as if so many points had shown the target's variance to be 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """What the components of a mixture believe of one target.

    Attributes:
        weights: Of the components, adding up to 1, [components].
        mean: [components, n].
        deviation: [components, n].
    """

    weights: Numbers
    mean: Numbers
    deviation: Numbers


class CategoricalGP:
    """Several targets over the same points, each with its own mixture of kernels."""

    def __init__(
        self, codes: Codes, targets: Numbers, likeness: Likeness, *, pending: Codes, most: int
    ) -> None:
        """Weigh the mixtures and solve for the targets.

        Args:
            codes: Of the points, [n, decisions]; the first rows weigh the mixtures.
            targets: [n, targets].
            likeness: Of points of this space.
            pending: Points without a target yet, of which the model is as sure as if they
                had turned out as it believes, [p, decisions].
            most: Components of a mixture.
        """
        self._likeness, self._num_points = likeness, len(codes)
        self._centre = targets.mean(axis=0)
        self._scale = np.maximum(targets.std(axis=0), 1e-9)
        self._targets = (targets - self._centre) / self._scale
        self._features = _features(likeness, np.concatenate([codes, pending]))
        self._mixtures = self._weigh(min(len(codes), _WEIGHED), most)
        used = {member[1:3] for mixture in self._mixtures for member in mixture}
        own, common = _products(*((p, p) for p in self._features))
        self._components = {
            (kernel, noise): _factor(_KERNELS[kernel](own, common, likeness.decisions), noise)
            for kernel, noise in sorted(used)
        }
        n = self._num_points
        self._solved = {
            key: solve_triangular(factor[:n, :n], self._targets, lower=True, check_finite=False)
            for key, factor in self._components.items()
        }

    def believe(self, codes: Codes) -> list[Belief]:
        """Return what is believed of points, for every target."""
        theirs = _features(self._likeness, codes)
        own, common = _products(*zip(self._features, theirs, strict=True))
        decisions = self._likeness.decisions
        found = {}
        for key, factor in self._components.items():
            kernel = _KERNELS[key[0]]
            cross = kernel(own, common, decisions)
            half = solve_triangular(factor, cross, lower=True, check_finite=False)
            mean = self._solved[key].T @ half[: self._num_points]
            variance = 1.0 + _OFFSET - (half * half).sum(axis=0)
            found[key] = mean, np.sqrt(np.maximum(variance, 1e-9))
        return [
            Belief(
                weights=np.array([weight for weight, *_ in mixture]),
                mean=np.array(
                    [
                        self._centre[target]
                        + self._scale[target] * found[kernel, noise][0][target]
                        for _, kernel, noise, _ in mixture
                    ]
                ),
                deviation=np.array(
                    [
                        self._scale[target] * math.sqrt(amplitude) * found[kernel, noise][1]
                        for _, kernel, noise, amplitude in mixture
                    ]
                ),
            )
            for target, mixture in enumerate(self._mixtures)
        ]

    def _weigh(self, count: int, most: int) -> list[list[tuple[float, int, float, float]]]:
        """Return per target (weight, kernel, noise, amplitude) of the mixtures worth having."""
        own, common = _products(*((p[:count], p[:count]) for p in self._features))
        targets, size = self._targets[:count], count + _PRIOR_POINTS
        found = []
        for number, kernel in enumerate(_KERNELS):
            if kernel.common and not self._features[1].shape[1]:
                continue
            covariance = kernel(own, common, self._likeness.decisions)
            for noise in _NOISE:
                factor = _factor(covariance, noise)
                half = solve_triangular(factor, targets, lower=True, check_finite=False)
                amplitude = ((half * half).sum(axis=0) + _PRIOR_POINTS) / size
                evidence = -0.5 * size * np.log(amplitude) - np.log(np.diag(factor)).sum()
                found.append((number, noise, amplitude, evidence))
        return [_mixture(found, target, most) for target in range(targets.shape[1])]


def _mixture(
    found: list[tuple[int, float, Numbers, Numbers]], target: int, most: int
) -> list[tuple[float, int, float, float]]:
    best = sorted(found, key=lambda one: -one[3][target])[:most]
    top = best[0][3][target]
    weights = [math.exp(one[3][target] - top) for one in best]
    kept = [
        (weight, kernel, noise, float(amplitude[target]))
        for weight, (kernel, noise, amplitude, _) in zip(weights, best, strict=True)
        if weight > math.exp(-_WORTH)
    ]
    total = sum(weight for weight, *_ in kept)
    return [(weight / total, kernel, noise, scale) for weight, kernel, noise, scale in kept]


def _features(likeness: Likeness, codes: Codes) -> tuple[Numbers, Numbers]:
    return likeness.own_features(codes), likeness.common_features(codes)


def _products(
    own: tuple[Numbers, Numbers], common: tuple[Numbers, Numbers]
) -> tuple[Numbers, Numbers]:
    """Return the share of decisions that agree, and 1 - half the squared distance of counts."""
    left, right = common
    squares = 0.5 * ((left * left).sum(axis=1)[:, None] + (right * right).sum(axis=1))
    return own[0] @ own[1].T, 1.0 + left @ right.T - squares


def _factor(covariance: Numbers, noise: float) -> Numbers:
    factor: Numbers = cholesky(
        covariance + noise * np.eye(len(covariance)), lower=True, check_finite=False
    )
    return factor
