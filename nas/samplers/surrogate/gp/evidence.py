"""Hyperparameters by marginal likelihood: mixtures of kernels and weights of the decisions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from nas.samplers.surrogate.decision_encoding import Floats
from nas.samplers.surrogate.gp.kernels import Kernel

_PRIOR_POINTS = 2.0  # the prior of a variance counts like this many points with a variance of 1
_NOISE_VARIANCES = (1e-3, 0.02, 0.2)
_MAX_EVIDENCE_GAP = 3.0  # components this many nats below the best are left out
_PRIOR_STD = 1.0  # standard deviation of a decision's log weight under the prior
_MAX_LOG_WEIGHT = 3.0
_MAX_ITERATIONS = 8


@dataclass(frozen=True, slots=True, eq=False)
class MixtureComponent:
    """A kernel with a noise level, fitted to each target.

    Attributes:
        kernel: Covariance function of the points.
        noise: Variance of the noise, in units of `amplitude`.
        amplitude: Variance of each target that one unit of the kernel stands for, [targets].
        evidence: Logarithm of the marginal likelihood, up to a constant, [targets].
    """

    kernel: Kernel
    noise: float
    amplitude: Floats
    evidence: Floats


def score_components(
    kernels: Sequence[Kernel], similar: tuple[Floats, Floats], num_decisions: int, targets: Floats
) -> list[MixtureComponent]:
    """Return every kernel with every noise level.

    Args:
        kernels: Covariance functions to choose from.
        similar: Similarities of the points, two of [n, n].
        num_decisions: Number of decisions.
        targets: Targets of mean 0 and variance 1, [n, targets].
    """
    components = []
    for kernel in kernels:
        covariance = kernel(*similar, num_decisions)
        for noise in _NOISE_VARIANCES:
            factor = noisy_factor(covariance, noise)
            half = solve_triangular(factor, targets, lower=True, check_finite=False)
            fit = _amplitude_and_evidence(factor, (half * half).sum(axis=0))
            components.append(MixtureComponent(kernel, noise, *fit))
    return components


def mixture(
    components: Sequence[MixtureComponent], target: int, max_components: int
) -> list[tuple[float, MixtureComponent]]:
    """Return the likeliest components for a target, each with its weight; their sum is 1."""
    best = sorted(components, key=lambda each: -each.evidence[target])[:max_components]
    top = best[0].evidence[target]
    kept = [each for each in best if each.evidence[target] > top - _MAX_EVIDENCE_GAP]
    weights = [math.exp(each.evidence[target] - top) for each in kept]
    total = sum(weights)
    return [(weight / total, each) for weight, each in zip(weights, kept, strict=True)]


def noisy_factor(covariance: Floats, noise: float) -> Floats:
    """Return the lower Cholesky factor of a covariance plus noise, [n, n]."""
    factor: Floats = cholesky(
        covariance + noise * np.eye(len(covariance)), lower=True, check_finite=False
    )
    return factor


def ard_weights(
    agreement: Floats, shared: Floats, target: Floats, kernel: Kernel, noise: float
) -> Floats:
    """Return the weight of each decision in the agreement of points, of mean 1, [decisions].

    These are the likeliest weights under the target's marginal likelihood and a log-normal
    prior around equal weights.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, sections 5.1, 5.4.1.

    Args:
        agreement: Similarity of the points in each decision, [decisions, n, n].
        shared: Similarity of the points in their shared features, [n, n].
        target: Target of mean 0 and variance 1, [n].
        kernel: Covariance function of the points.
        noise: Variance of the noise.
    """
    decisions, count, _ = agreement.shape
    flat = agreement.reshape(decisions, -1)

    def loss(log_weights: Floats) -> tuple[float, Floats]:
        """Return the negative log posterior and its gradient."""
        weights = np.exp(log_weights)
        total = weights.sum()
        mean = (weights / total) @ flat
        square = mean.reshape(count, count)
        factor = noisy_factor(kernel(square, shared, decisions), noise)
        half = solve_triangular(factor, target, lower=True, check_finite=False)
        amplitude, evidence = _amplitude_and_evidence(factor, half @ half)
        inverse = cho_solve((factor, True), np.eye(count), check_finite=False)
        explained = inverse @ target
        outer = 0.5 * (np.outer(explained, explained) / amplitude - inverse)
        pull = (outer * kernel.slope(square, decisions)).ravel()
        gradient = weights / total * (flat @ pull - mean @ pull)
        penalty = 0.5 * float(log_weights @ log_weights) / _PRIOR_STD**2
        return penalty - float(evidence), log_weights / _PRIOR_STD**2 - gradient

    result = minimize(
        loss,
        np.zeros(decisions),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_MAX_LOG_WEIGHT, _MAX_LOG_WEIGHT)] * decisions,
        options={"maxiter": _MAX_ITERATIONS},
    )
    weights = np.exp(result.x)
    normalized: Floats = weights / weights.mean()
    return normalized


def _amplitude_and_evidence(factor: Floats, square: Any) -> tuple[Any, Any]:
    """Return the likeliest variance of each target and the log marginal likelihood with it.

    Args:
        factor: Cholesky factor of the covariance of n points, [n, n].
        square: Squared length of each target, whitened by `factor`; of any shape.
    """
    size = len(factor) + _PRIOR_POINTS
    amplitude = (square + _PRIOR_POINTS) / size
    return amplitude, -0.5 * size * np.log(amplitude) - np.log(np.diag(factor)).sum()
