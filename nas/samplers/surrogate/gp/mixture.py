"""Which kernels and levels of noise explain targets, and how much each of them is believed."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from nas.samplers.surrogate.encoded_trials import Numbers
from nas.samplers.surrogate.gp.kernels import Kernel

PRIOR_POINTS = 2.0  # as if so many points had shown the target's variance to be 1
_NOISE = (1e-3, 0.02, 0.2)  # variance, of a target's own
_WORTH = 3.0  # a member this many nats behind the best is left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A kernel with a level of noise, as one target sees it.

    Attributes:
        kernel: Of the points.
        noise: Variance of the target's own.
        amplitude: Variance of the target that the kernel's unit stands for.
        evidence: Logarithm of the marginal likelihood, up to a constant.
    """

    kernel: Kernel
    noise: float
    amplitude: float
    evidence: float


def weigh(
    kernels: tuple[Kernel, ...], covariance_of: Callable[[Kernel], Numbers], targets: Numbers
) -> list[list[Member]]:
    """Return every kernel with every noise, as each target sees it.

    Args:
        kernels: To choose from.
        covariance_of: Returns the points' covariance, [n, n].
        targets: Of mean 0 and variance 1, [n, targets].
    """
    size = len(targets) + PRIOR_POINTS
    members: list[list[Member]] = [[] for _ in targets.T]
    for kernel in kernels:
        covariance = covariance_of(kernel)
        for noise in _NOISE:
            factor = noisy_factor(covariance, noise)
            half = solve_triangular(factor, targets, lower=True, check_finite=False)
            amplitude = ((half * half).sum(axis=0) + PRIOR_POINTS) / size
            evidence = -0.5 * size * np.log(amplitude) - np.log(np.diag(factor)).sum()
            for found, scale, weight in zip(members, amplitude, evidence, strict=True):
                found.append(
                    Member(
                        kernel=kernel, noise=noise, amplitude=float(scale), evidence=float(weight)
                    )
                )
    return members


def mixture(members: list[Member], most: int) -> list[tuple[float, Member]]:
    """Return the members worth having, `most` at most, each with its share."""
    best = sorted(members, key=lambda one: -one.evidence)[:most]
    weights = [math.exp(one.evidence - best[0].evidence) for one in best]
    kept = [
        (weight, one)
        for weight, one in zip(weights, best, strict=True)
        if weight > math.exp(-_WORTH)
    ]
    total = sum(weight for weight, _ in kept)
    return [(weight / total, one) for weight, one in kept]


def noisy_factor(covariance: Numbers, noise: float) -> Numbers:
    """Return the lower Cholesky factor of a covariance with noise, [n, n]."""
    factor: Numbers = cholesky(
        covariance + noise * np.eye(len(covariance)), lower=True, check_finite=False
    )
    return factor
