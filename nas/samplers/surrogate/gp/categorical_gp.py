"""A Gaussian process over categorical decisions.

In the weight-space view this is Bayesian linear regression: the share h of decisions in which
two points agree is the kernel of one weight per option, h**2 that of one weight per pair of
options, and exp(-(1 - h) D / l) has all orders. Mixtures of the three with several noise levels
are weighted by their marginal likelihood, so that few points do not lead to overconfidence.
Decisions that matter more according to the points have more weight in h.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, sections 2.1, 2.2, 5.4.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from nas.samplers.surrogate.decision_encoding import Codes, Floats
from nas.samplers.surrogate.gp.evidence import (
    MixtureComponent,
    ard_weights,
    mixture,
    noisy_factor,
    score_components,
)
from nas.samplers.surrogate.gp.kernels import (
    KERNELS,
    OFFSET,
    Features,
    KernelFeatures,
    similarities,
)

_MAX_SCORED = 80  # points that the mixtures are weighted on


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Prediction of one target: a mixture of normal distributions at each of n points.

    Attributes:
        weights: Weights of the components, summing to 1, [components].
        mean: Means of the components, [components, n].
        std: Standard deviations of the components, [components, n].
    """

    weights: Floats
    mean: Floats
    std: Floats


class CategoricalGP:
    """Several targets over the same points, each with its own mixture of kernels.

    Attributes:
        num_scored: Number of first points that the mixtures are weighted on.
        evidence: Logarithm of these points' density under the likeliest component of the
            mixture, up to a constant, in the targets' own units, [targets].
    """

    def __init__(
        self,
        codes: Codes,
        targets: Floats,
        features: KernelFeatures,
        *,
        pending: Codes,
        max_components: int,
    ) -> None:
        """Fit the mixtures.

        Args:
            codes: Points, [n, decisions]; the mixtures are weighted on the first rows.
            targets: Values of the targets, [n, targets].
            features: Features of the space's points.
            pending: Points without targets, [p, decisions]. They reduce the uncertainty as if
                their targets were as predicted.
            max_components: Maximum number of components of a mixture.
        """
        self._kernel_features, self._num_points = features, len(codes)
        self._center = targets.mean(axis=0)
        self._scale = np.maximum(targets.std(axis=0), 1e-9)
        self._targets = (targets - self._center) / self._scale
        self.num_scored = min(len(codes), _MAX_SCORED)
        self._weights = self._ard_weights(codes[: self.num_scored])
        self._features = features(np.concatenate([codes, pending]), self._weights)
        components = self._score(self._features)
        self._mixtures = [
            mixture(components, target, max_components) for target in range(targets.shape[1])
        ]
        best = np.max([each.evidence for each in components], axis=0)
        self.evidence: Floats = best - self.num_scored * np.log(self._scale)
        similar, n = similarities(self._features, self._features), self._num_points
        self._fits: dict[MixtureComponent, tuple[Floats, Floats]] = {}
        for each in dict.fromkeys(each for mix in self._mixtures for _, each in mix):
            factor = noisy_factor(each.kernel(*similar, features.num_decisions), each.noise)
            solved = solve_triangular(
                factor[:n, :n], self._targets, lower=True, check_finite=False
            )
            self._fits[each] = factor, solved

    def predict(self, codes: Codes) -> list[Posterior]:
        """Return the posterior of every target at [n, decisions] points."""
        similar = similarities(self._features, self._kernel_features(codes, self._weights))
        found = {}
        for component, (factor, solved) in self._fits.items():
            covariance = component.kernel(*similar, self._kernel_features.num_decisions)
            half = solve_triangular(factor, covariance, lower=True, check_finite=False)
            variance = 1.0 + OFFSET - (half * half).sum(axis=0)
            mean = solved.T @ half[: self._num_points]
            found[component] = mean, np.sqrt(np.maximum(variance, 1e-9))
        posteriors = []
        for target, mix in enumerate(self._mixtures):
            center, scale = self._center[target], self._scale[target]
            predicted = [found[each] for _, each in mix]
            amplitudes = np.sqrt([each.amplitude[target] for _, each in mix])
            posteriors.append(
                Posterior(
                    weights=np.array([weight for weight, _ in mix]),
                    mean=center + scale * np.array([mean[target] for mean, _ in predicted]),
                    std=scale * amplitudes[:, None] * np.array([std for _, std in predicted]),
                )
            )
        return posteriors

    def _ard_weights(self, codes: Codes) -> Floats:
        """Return the decisions' ARD weights for the first target and its likeliest kernel."""
        equal = np.ones(self._kernel_features.num_decisions)
        features = self._kernel_features(codes, equal)
        best = max(self._score(features), key=lambda component: component.evidence[0])
        return ard_weights(
            self._kernel_features.agreement(codes),
            similarities(features, features)[1],
            self._targets[: len(codes), 0],
            best.kernel,
            best.noise,
        )

    def _score(self, features: Features) -> list[MixtureComponent]:
        """Return every kernel with every noise level, fitted to the first points."""
        per_decision, shared = (each[: self.num_scored] for each in features)
        similar = similarities((per_decision, shared), (per_decision, shared))
        kernels = [kernel for kernel in KERNELS if shared.shape[1] or not kernel.shared]
        return score_components(
            kernels, similar, self._kernel_features.num_decisions, self._targets[: len(shared)]
        )
