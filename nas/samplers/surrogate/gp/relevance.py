"""How much each decision matters: learned from the points, so that the idle ones are ignored."""

from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from nas.samplers.surrogate.encoded_trials import Numbers

_SPREAD = 1.0  # deviation of a relevance's logarithm before anything is known
_STEPS = 8  # of the search for the likeliest relevances
_FURTHEST = 3.0  # bound of the logarithm

# Covariance of points and its derivative, given the share of what they have in common.
Covariance = Callable[[Numbers], tuple[Numbers, Numbers]]


def relevances(
    agreement: Numbers, target: Numbers, covariance: Covariance, *, noise: float, prior: float
) -> Numbers:
    """Return what each decision weighs in the likeness of points, with a mean of 1.

    The likeliest weights under the target's marginal likelihood and a log-normal prior around
    equal ones ("automatic relevance determination").

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, sections 5.1, 5.4.1.

    Args:
        agreement: How alike the points are in each decision, [decisions, n, n].
        target: [n], of mean 0 and variance 1.
        covariance: Tells the points' covariance from their likeness in all decisions.
        noise: Variance of the target's own.
        prior: As if so many points had shown the target's variance to be 1.
    """
    decisions, count, _ = agreement.shape
    flat = agreement.reshape(decisions, -1)
    size = count + prior

    def loss(logarithms: Numbers) -> tuple[float, Numbers]:
        weights = np.exp(logarithms)
        total = weights.sum()
        likeness = (weights / total) @ flat
        values, slopes = covariance(likeness.reshape(count, count))
        factor = cholesky(values + noise * np.eye(count), lower=True, check_finite=False)
        half = solve_triangular(factor, target, lower=True, check_finite=False)
        amplitude = (half @ half + prior) / size
        evidence = -0.5 * size * np.log(amplitude) - np.log(np.diag(factor)).sum()
        inverse = cho_solve((factor, True), np.eye(count), check_finite=False)
        explained = inverse @ target
        pull = 0.5 * (np.outer(explained, explained) / amplitude - inverse) * slopes
        gradient = weights / total * (flat @ pull.ravel() - likeness @ pull.ravel())
        unlikely = 0.5 * float(logarithms @ logarithms) / _SPREAD**2
        return unlikely - float(evidence), logarithms / _SPREAD**2 - gradient

    found = minimize(
        loss,
        np.zeros(decisions),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-_FURTHEST, _FURTHEST)] * decisions,
        options={"maxiter": _STEPS},
    )
    weights = np.exp(found.x)
    result: Numbers = weights / weights.mean()
    return result
