"""Mixtures of kernels and noise levels, weighted by their marginal likelihood."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from nas.samplers.surrogate.encoded_trials import Floats
from nas.samplers.surrogate.gp.kernels import Kernel

PRIOR_POINTS = 2.0  # the prior of a variance counts like this many points with a variance of 1
_NOISE_VARIANCES = (1e-3, 0.02, 0.2)
_MAX_EVIDENCE_GAP = 3.0  # components this many nats below the best are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureComponent:
    """A kernel with a noise level, fitted to one target.

    Attributes:
        kernel: Covariance function of the points.
        noise: Variance of the noise, in units of `amplitude`.
        amplitude: Variance of the target that one unit of the kernel stands for.
        evidence: Logarithm of the marginal likelihood, up to a constant.
    """

    kernel: Kernel
    noise: float
    amplitude: float
    evidence: float


def score_components(
    kernels: Sequence[Kernel], covariances: Sequence[Floats], targets: Floats
) -> list[list[MixtureComponent]]:
    """Return every kernel with every noise level, for each target.

    Args:
        kernels: Covariance functions to choose from.
        covariances: Covariance of the points under each kernel, [n, n].
        targets: Targets of mean 0 and variance 1, [n, targets].
    """
    size = len(targets) + PRIOR_POINTS
    components: list[list[MixtureComponent]] = [[] for _ in targets.T]
    for kernel, covariance in zip(kernels, covariances, strict=True):
        for noise in _NOISE_VARIANCES:
            factor = noisy_factor(covariance, noise)
            half = solve_triangular(factor, targets, lower=True, check_finite=False)
            amplitude = ((half * half).sum(axis=0) + PRIOR_POINTS) / size
            evidence = -0.5 * size * np.log(amplitude) - np.log(np.diag(factor)).sum()
            for target, of_target in enumerate(components):
                of_target.append(
                    MixtureComponent(
                        kernel=kernel,
                        noise=noise,
                        amplitude=float(amplitude[target]),
                        evidence=float(evidence[target]),
                    )
                )
    return components


def mixture(
    components: Sequence[MixtureComponent], max_components: int
) -> list[tuple[float, MixtureComponent]]:
    """Return the likeliest components, each with its weight; the weights sum to 1."""
    best = sorted(components, key=lambda component: -component.evidence)[:max_components]
    top = best[0].evidence
    kept = [component for component in best if component.evidence > top - _MAX_EVIDENCE_GAP]
    weights = [math.exp(component.evidence - top) for component in kept]
    total = sum(weights)
    return [(weight / total, each) for weight, each in zip(weights, kept, strict=True)]


def noisy_factor(covariance: Floats, noise: float) -> Floats:
    """Return the lower Cholesky factor of a covariance plus noise, [n, n]."""
    factor: Floats = cholesky(
        covariance + noise * np.eye(len(covariance)), lower=True, check_finite=False
    )
    return factor
