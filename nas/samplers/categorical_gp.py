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

# Weights of main effects, pairs and all orders, and the length scale of the last in decisions.
_KERNELS = (
    (1.0, 0.0, 0.0, 1.0),
    (0.5, 0.5, 0.0, 1.0),
    (0.2, 0.2, 0.6, 2.0),
    (0.2, 0.2, 0.6, 5.0),
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
        self, codes: Codes, targets: Numbers, sizes: Codes, *, pending: Codes, most: int
    ) -> None:
        """Weigh the mixtures and solve for the targets.

        Args:
            codes: Of the points, [n, decisions]; the first rows weigh the mixtures.
            targets: [n, targets].
            sizes: Number of levels of every decision, [decisions].
            pending: Points without a target yet, of which the model is as sure as if they
                had turned out as it believes, [p, decisions].
            most: Components of a mixture.
        """
        self._sizes, self._num_points = sizes, len(codes)
        self._centre = targets.mean(axis=0)
        self._scale = np.maximum(targets.std(axis=0), 1e-9)
        self._targets = (targets - self._centre) / self._scale
        self._hot = _one_hot(np.concatenate([codes, pending]), sizes)
        self._mixtures = self._weigh(min(len(codes), _WEIGHED), most)
        used = {member[1:3] for mixture in self._mixtures for member in mixture}
        agree = self._hot @ self._hot.T
        self._components = {
            (kernel, noise): _factor(_kernel(agree, kernel, len(sizes)), noise)
            for kernel, noise in sorted(used)
        }
        n = self._num_points
        self._solved = {
            key: solve_triangular(factor[:n, :n], self._targets, lower=True, check_finite=False)
            for key, factor in self._components.items()
        }

    def believe(self, codes: Codes) -> list[Belief]:
        """Return what is believed of points, for every target."""
        agree = self._hot @ _one_hot(codes, self._sizes).T
        found = {}
        for key, factor in self._components.items():
            cross = _kernel(agree, key[0], len(self._sizes))
            half = solve_triangular(factor, cross, lower=True, check_finite=False)
            mean = self._solved[key].T @ half[: self._num_points]
            variance = np.maximum(1.0 + _OFFSET - (half * half).sum(axis=0), 1e-9)
            found[key] = mean, np.sqrt(variance)
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
        agree = self._hot[:count] @ self._hot[:count].T
        targets, size = self._targets[:count], count + _PRIOR_POINTS
        found = []
        for kernel in range(len(_KERNELS)):
            covariance = _kernel(agree, kernel, len(self._sizes))
            for noise in _NOISE:
                factor = _factor(covariance, noise)
                half = solve_triangular(factor, targets, lower=True, check_finite=False)
                amplitude = ((half * half).sum(axis=0) + _PRIOR_POINTS) / size
                evidence = -0.5 * size * np.log(amplitude) - np.log(np.diag(factor)).sum()
                found.append((kernel, noise, amplitude, evidence))
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


def _one_hot(codes: Codes, sizes: Codes) -> Numbers:
    """Return a column for every code of every decision, inactive ones included."""
    starts = np.concatenate([[0], np.cumsum(sizes + 1)])
    hot = np.zeros((len(codes), int(starts[-1])))
    hot[np.arange(len(codes))[:, None], codes + starts[:-1]] = 1.0
    return hot


def _kernel(agree: Numbers, kernel: int, decisions: int) -> Numbers:
    """Return the covariance of points that agree in so many decisions; 1 + offset at most."""
    main, pairs, rest, length = _KERNELS[kernel]
    share = agree / decisions
    covariance = _OFFSET + main * share
    if pairs:
        covariance = covariance + pairs * share * share
    if rest:
        covariance = covariance + rest * np.exp((share - 1.0) * (decisions / length))
    return covariance


def _factor(covariance: Numbers, noise: float) -> Numbers:
    factor: Numbers = cholesky(
        covariance + noise * np.eye(len(covariance)), lower=True, check_finite=False
    )
    return factor
