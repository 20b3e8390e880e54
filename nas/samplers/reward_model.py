"""What an untried candidate is expected to add to the best reward."""

import math

import numpy as np
from scipy.special import log_ndtr, ndtr

from nas.samplers.categorical_gp import CategoricalGP
from nas.samplers.known_trials import Codes, KnownTrials, Numbers
from nas.samplers.likeness import Likeness

_TRAINED_ON = 256  # points; the best half of them, the others evenly from all that is known
_FEW = 150  # points up to which several kernels and noises are mixed
_SMOOTH = 0.02  # of the stretch's unit: uncertainty about a node of the quadrature
_HOPELESS = -12.0  # logarithm of an expected improvement in units of the stretch
_UNSURE = 0.1  # deviation of what a model of 0 and 1 says of success
# Nodes and weights of a standard normal variable.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class RewardModel:
    """Expected improvement under a model of the reward as a whole.

    Rewards are stretched near the best and squeezed far below it (`_Stretch`), because the
    worst networks must not shape the model of the good ones. Points that failed are no rewards
    to it; a second model tells how likely a point is to come to one.
    """

    def __init__(self, known: KnownTrials) -> None:
        """Fit; `known` must hold two rewards at least."""
        rows = _training_rows(known.rewards)
        codes, rewards = known.codes[rows], known.rewards[rows]
        self._stretch = _Stretch(rewards)
        likeness = Likeness.of(known.levels.values())
        self._gp = CategoricalGP(
            codes,
            self._stretch(rewards)[:, None],
            likeness,
            pending=known.pending,
            most=3 if len(rows) <= _FEW else 1,
        )
        self._failures = _failure_model(known, likeness)
        # What the model makes of the best seen, not their own rewards: those may be luck.
        weights, values = self._outcomes(codes[np.argsort(-rewards)[:20]])
        self._best = float((weights @ values).max())

    def improvement(self, codes: Codes) -> Numbers:
        """Return how much each point promises to add to the best, a logarithm, [n]."""
        weights, values = self._outcomes(codes)
        smooth = self._stretch.unit * _SMOOTH
        gap = (values - self._best) / smooth
        density = np.exp(-0.5 * gap * gap) / math.sqrt(2 * math.pi)
        expected = weights @ (smooth * (gap * ndtr(gap) + density))
        gains: Numbers = np.log(np.maximum(expected / self._stretch.unit, 1e-300))
        # Where hardly anything is to be gained, the order stays and the differences shrink:
        # otherwise what fails for certain would be worth another try.
        gains = np.where(gains < _HOPELESS, _HOPELESS + 0.005 * (gains - _HOPELESS), gains)
        if self._failures is not None:
            (success,) = self._failures.believe(codes)
            gains = gains + log_ndtr((success.mean[0] - 0.5) / _UNSURE)
        return gains

    def _outcomes(self, codes: Codes) -> tuple[Numbers, Numbers]:
        """Return rewards held possible, [nodes, n], and how likely each node is, [nodes]."""
        (belief,) = self._gp.believe(codes)
        stretched = belief.mean[:, None, :] + _NODES[:, None] * belief.deviation[:, None, :]
        values = self._stretch.inverse(stretched).reshape(-1, len(codes))
        return np.outer(belief.weights, _WEIGHTS).ravel(), values


class _Stretch:
    """-log(1 + distance to the best in units of the median's): steep near the best."""

    def __init__(self, values: Numbers) -> None:
        self.top = float(values.max())
        self.unit = max(self.top - float(np.median(values)), 1e-9)

    def __call__(self, values: Numbers) -> Numbers:
        stretched: Numbers = -np.log1p((self.top - values) / self.unit)
        return stretched

    def inverse(self, stretched: Numbers) -> Numbers:
        """Return values; a point may lie one unit beyond the best, and not more."""
        values: Numbers = self.top - self.unit * np.expm1(-stretched)
        return values


def _training_rows(rewards: Numbers) -> Codes:
    """Return which points to fit, the ones to weigh mixtures on first."""
    order = np.argsort(-rewards, kind="stable")
    half = min(len(order), _TRAINED_ON) // 2
    others = np.sort(order[half:])
    kept = np.linspace(0, len(others) - 1, min(len(others), _TRAINED_ON - half)).astype(np.int64)
    best, rest = order[:half], others[kept]
    # Good and ordinary points in turn, so that any first rows hold some of both.
    rows = np.empty(len(best) + len(rest), dtype=np.int64)
    rows[: 2 * half : 2], rows[1 : 2 * half : 2] = best, rest[:half]
    rows[2 * half :] = rest[half:]
    return rows


def _failure_model(known: KnownTrials, likeness: Likeness) -> CategoricalGP | None:
    """Return a model of success, 1 or 0, or None where nothing failed."""
    if not len(known.failed):
        return None
    good, failed = known.codes[-_TRAINED_ON // 2 :], known.failed[-_TRAINED_ON // 2 :]
    success = np.concatenate([np.ones(len(good)), np.zeros(len(failed))])
    turn = np.argsort(
        np.concatenate([np.arange(len(good)), np.arange(len(failed))]), kind="stable"
    )
    return CategoricalGP(
        np.concatenate([good, failed])[turn],
        success[turn][:, None],
        likeness,
        pending=known.pending[:0],
        most=1,
    )
