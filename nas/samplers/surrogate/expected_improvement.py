"""Expected improvement of untried candidates over the best reward."""

import math

import numpy as np
from scipy.special import log_ndtr, ndtr, softmax

from nas.samplers.surrogate.decision_encoding import Codes, Floats
from nas.samplers.surrogate.gp.categorical_gp import CategoricalGP
from nas.samplers.surrogate.gp.kernels import KernelFeatures
from nas.samplers.surrogate.trial_reader import EncodedTrials

_MAX_TRAINING_POINTS = 192  # the best half of them, and the others evenly from the rest
_MAX_POINTS_OF_MIXTURE = 150  # with more points the single best component is used
_MAX_COMPONENTS = 18
_SMOOTHING = 0.02  # standard deviation of a quadrature node, in units of the reward warp
_MIN_LOG_GAIN = -12.0  # below this, differences of log expected improvement are compressed
_SUCCESS_STD = 0.1  # uncertainty of the predicted success, a value between 0 and 1
# Quadrature nodes and weights of a standard normal variable.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class RewardWarp:
    """The map -log(1 + (best - value) / (best - median)), which is steep near the best value.

    It keeps the worst networks from shaping the model of the good ones.

    Attributes:
        unit: Distance from the best value to the median.
    """

    def __init__(self, values: Floats) -> None:
        self._best = float(values.max())
        self.unit = max(self._best - float(np.median(values)), 1e-9)

    def __call__(self, values: Floats) -> Floats:
        """Return the warped values, of any shape; none of `values` may exceed the best."""
        warped: Floats = -np.log1p((self._best - values) / self.unit)
        return warped

    def log_slope(self, values: Floats) -> Floats:
        """Return the logarithm of the derivative of the map at `values`, of any shape."""
        slope: Floats = -np.log(self.unit + self._best - values)
        return slope

    def inverse(self, warped: Floats) -> Floats:
        """Return the values of warped ones, of any shape, at most one unit above the best."""
        values: Floats = self._best - self.unit * np.expm1(-warped)
        return values


class RewardModel:
    """Expected improvement under a model of the reward.

    The reward is modelled twice over the same points: directly, and as an accuracy times the
    factor of step time and parameters. Each of the two has the weight of its marginal likelihood.
    Failed points have no reward; a second model predicts the probability of success.

    Attributes:
        shares: Weights of the direct model and, if accuracies are known, of the product model,
            summing to 1.
    """

    def __init__(self, trials: EncodedTrials) -> None:
        """Fit the model to at least two rewards."""
        rows = _training_rows(trials.rewards)
        codes, rewards = trials.codes[rows], trials.rewards[rows]
        self._warps = [RewardWarp(rewards)]
        targets = [self._warps[0](rewards)]
        log_slopes = [self._warps[0].log_slope(rewards)]
        if trials.log_cost_factors is not None:
            log_factors = trials.log_cost_factors[rows]
            accuracies = rewards / np.exp(log_factors)
            self._warps.append(RewardWarp(accuracies))
            # Slopes with respect to the reward make the two densities comparable.
            log_slopes.append(self._warps[1].log_slope(accuracies) - log_factors)
            unpredicted = log_factors - trials.predicted_log_cost_factors[rows]
            targets += [self._warps[1](accuracies), log_factors, unpredicted]
        features = KernelFeatures(trials.encodings.values())
        self._gp = CategoricalGP(
            codes,
            np.stack(targets, axis=1),
            features,
            pending=trials.pending,
            max_components=_MAX_COMPONENTS if len(rows) <= _MAX_POINTS_OF_MIXTURE else 1,
        )
        slopes = np.array([each[: self._gp.num_scored].sum() for each in log_slopes])
        self.shares: Floats = softmax(self._gp.evidence[: len(slopes)] + slopes)
        self._failures = _failure_model(trials, features)
        # The model's mean at the best points, not their rewards, which may be lucky.
        weights, values = self._reward_nodes(codes[np.argsort(-rewards)[:20]])
        self._best = float((weights @ values).max())

    def log_improvement(self, codes: Codes, log_cost_factors: Floats | None = None) -> Floats:
        """Return the logarithm of each point's expected improvement and success, [n].

        Args:
            codes: Points, [n, decisions].
            log_cost_factors: Part of log(reward / accuracy) that is known without training,
                [n]; the model predicts the rest, or everything if it is None.
        """
        weights, values = self._reward_nodes(codes, log_cost_factors)
        unit = self._warps[0].unit
        smoothing = unit * _SMOOTHING
        gap = (values - self._best) / smoothing
        density = np.exp(-0.5 * gap * gap) / math.sqrt(2 * math.pi)
        expected = weights @ (smoothing * (gap * ndtr(gap) + density))
        gains: Floats = np.log(np.maximum(expected / unit, 1e-300))
        # If almost nothing can be gained, the order stays and the differences shrink. Otherwise
        # points that are certain to fail would be tried again.
        compressed = _MIN_LOG_GAIN + 0.005 * (gains - _MIN_LOG_GAIN)
        gains = np.where(gains < _MIN_LOG_GAIN, compressed, gains)
        if self._failures is not None:
            (success,) = self._failures.predict(codes)
            gains = gains + log_ndtr((success.mean[0] - 0.5) / _SUCCESS_STD)
        return gains

    def _reward_nodes(
        self, codes: Codes, log_cost_factors: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Return the weights, [nodes], and rewards, [nodes, n], of a quadrature of the reward."""
        posteriors = self._gp.predict(codes)
        weights, values = [], []
        for warp, share, posterior in zip(self._warps, self.shares, posteriors, strict=False):
            warped = posterior.mean[:, None, :] + _NODES[:, None] * posterior.std[:, None, :]
            values.append(warp.inverse(warped).reshape(-1, len(codes)))
            weights.append(share * np.outer(posterior.weights, _WEIGHTS).ravel())
        if len(self._warps) > 1:
            posterior = posteriors[2] if log_cost_factors is None else posteriors[3]
            log_factors = posterior.weights @ posterior.mean
            if log_cost_factors is not None:
                log_factors = log_factors + log_cost_factors
            values[1] *= np.exp(log_factors)
        return np.concatenate(weights), np.concatenate(values)


def _training_rows(rewards: Floats) -> Codes:
    """Return the indices of the points to fit, [points], good and ordinary ones alternating."""
    order = np.argsort(-rewards, kind="stable")
    half = min(len(order), _MAX_TRAINING_POINTS) // 2
    others = np.sort(order[half:])
    count = min(len(others), _MAX_TRAINING_POINTS - half)
    rest = others[np.linspace(0, len(others) - 1, count).astype(np.int64)]
    # The mixtures are weighted on the first rows, which must hold some of both.
    rows = np.empty(half + len(rest), dtype=np.int64)
    rows[: 2 * half : 2], rows[1 : 2 * half : 2] = order[:half], rest[:half]
    rows[2 * half :] = rest[half:]
    return rows


def _failure_model(trials: EncodedTrials, features: KernelFeatures) -> CategoricalGP | None:
    """Return a model of success, 1 or 0, or None if no point failed."""
    if not len(trials.failed):
        return None
    newest = slice(-_MAX_TRAINING_POINTS // 2, None)
    valid, failed = trials.codes[newest], trials.failed[newest]
    success = np.repeat([1.0, 0.0], [len(valid), len(failed)])
    age = np.concatenate([np.arange(len(valid)), np.arange(len(failed))])
    alternating = np.argsort(age, kind="stable")
    return CategoricalGP(
        np.concatenate([valid, failed])[alternating],
        success[alternating][:, None],
        features,
        pending=trials.pending[:0],
        max_components=1,
    )
