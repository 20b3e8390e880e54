"""Automatic relevance determination: weights of the decisions, learned from the points."""

import numpy as np
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize

from nas.samplers.surrogate.encoded_trials import Floats
from nas.samplers.surrogate.gp.kernels import Kernel
from nas.samplers.surrogate.gp.mixture import PRIOR_POINTS, noisy_factor

_PRIOR_STD = 1.0  # standard deviation of a log weight under the prior
_MAX_ITERATIONS = 8
_MAX_LOG_WEIGHT = 3.0


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
    size = count + PRIOR_POINTS

    def loss(log_weights: Floats) -> tuple[float, Floats]:
        """Return the negative log posterior and its gradient."""
        weights = np.exp(log_weights)
        total = weights.sum()
        mean = (weights / total) @ flat
        square = mean.reshape(count, count)
        factor = noisy_factor(kernel(square, shared, decisions), noise)
        half = solve_triangular(factor, target, lower=True, check_finite=False)
        amplitude = (half @ half + PRIOR_POINTS) / size
        evidence = -0.5 * size * np.log(amplitude) - np.log(np.diag(factor)).sum()
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
