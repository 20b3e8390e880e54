"""A Gaussian process over categorical decisions: main effects, pairs, and what is left.

In the weight-space view this is Bayesian linear regression: the share h of decisions in which
two points agree is the kernel of one weight per option, h**2 that of one per pair of options,
and exp(-(1 - h) D / l) has all orders. Mixtures of the three with several levels of noise are
weighed by their marginal likelihood, so that few points are not trusted too much; decisions
that turn out to matter more count for more in h.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, sections 2.1, 2.2, 5.4.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from nas.samplers.surrogate.encoded_trials import Codes, Numbers
from nas.samplers.surrogate.gp.kernels import KERNELS, OFFSET, products
from nas.samplers.surrogate.gp.mixture import PRIOR_POINTS, Member, mixture, noisy_factor, weigh
from nas.samplers.surrogate.gp.relevance import relevances
from nas.samplers.surrogate.gp.similarity import Likeness

_WEIGHED = 80  # points that the mixtures are weighed on


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
    """Several targets over the same points, each with its own mixture of kernels.

    Attributes:
        num_weighed: The first so many points weighed the mixtures.
        evidence: Logarithm of those points' density under the likeliest member of the mixture,
            up to a constant, in the targets' own units, [targets].
    """

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
        self.num_weighed = min(len(codes), _WEIGHED)
        self._relevances = self._learn_relevances(codes[: self.num_weighed])
        self._features = self._features_of(np.concatenate([codes, pending]))
        members = self._weigh(self._features)
        self._mixtures = [mixture(one, most) for one in members]
        best = np.array([max(member.evidence for member in one) for one in members])
        self.evidence = best - self.num_weighed * np.log(self._scale)
        used = {(one.kernel, one.noise): None for mix in self._mixtures for _, one in mix}
        own, common = products(self._features, self._features)
        self._factors = {
            (kernel, noise): noisy_factor(kernel(own, common, likeness.decisions), noise)
            for kernel, noise in used
        }
        n = self._num_points
        self._solved = {
            member: solve_triangular(factor[:n, :n], self._targets, lower=True, check_finite=False)
            for member, factor in self._factors.items()
        }

    def believe(self, codes: Codes) -> list[Belief]:
        """Return what is believed of points, for every target."""
        own, common = products(self._features, self._features_of(codes))
        found = {}
        for member, factor in self._factors.items():
            kernel, _ = member
            cross = kernel(own, common, self._likeness.decisions)
            half = solve_triangular(factor, cross, lower=True, check_finite=False)
            mean = self._solved[member].T @ half[: self._num_points]
            variance = 1.0 + OFFSET - (half * half).sum(axis=0)
            found[member] = mean, np.sqrt(np.maximum(variance, 1e-9))
        beliefs = []
        for target, mix in enumerate(self._mixtures):
            centre, scale = self._centre[target], self._scale[target]
            of = [found[one.kernel, one.noise] for _, one in mix]
            amplitudes = np.sqrt([one.amplitude for _, one in mix])
            beliefs.append(
                Belief(
                    weights=np.array([weight for weight, _ in mix]),
                    mean=centre + scale * np.array([mean[target] for mean, _ in of]),
                    deviation=scale * amplitudes[:, None] * np.array([sd for _, sd in of]),
                )
            )
        return beliefs

    def _features_of(self, codes: Codes) -> tuple[Numbers, Numbers]:
        own = self._likeness.own_features(codes, self._relevances)
        return own, self._likeness.common_features(codes)

    def _learn_relevances(self, codes: Codes) -> Numbers:
        """Return the decisions' relevances to the first target, under its likeliest kernel."""
        decisions = self._likeness.decisions
        self._relevances = np.ones(decisions)
        features = self._features_of(codes)
        best = max(self._weigh(features)[0], key=lambda one: one.evidence)
        _, common = products(features, features)
        return relevances(
            self._likeness.agreement(codes),
            self._targets[: len(codes), 0],
            lambda own: (
                best.kernel(own, common, decisions),
                best.kernel.slope(own, decisions),
            ),
            noise=best.noise,
            prior=PRIOR_POINTS,
        )

    def _weigh(self, features: tuple[Numbers, Numbers]) -> list[list[Member]]:
        """Return every kernel with every noise, as the first points of each target see it."""
        own, common = (one[: self.num_weighed] for one in features)
        alike = products((own, common), (own, common))
        return weigh(
            tuple(kernel for kernel in KERNELS if common.shape[1] or not kernel.common),
            lambda kernel: kernel(*alike, self._likeness.decisions),
            self._targets[: self.num_weighed],
        )
