"""What an untried candidate is expected to add to the best reward."""

import math

import numpy as np
from scipy.special import log_ndtr, ndtr

from nas.samplers.surrogate.encoded_trials import Codes, KnownTrials, Numbers
from nas.samplers.surrogate.gp.categorical_gp import CategoricalGP
from nas.samplers.surrogate.gp.similarity import Likeness


class Stretch:
    """-log(1 + distance to the best in units of the median's): steep near the best.

    The worst networks must not shape the model of the good ones.

    Attributes:
        unit: Distance from the best value to the median.
    """

    def __init__(self, values: Numbers) -> None:
        self._top = float(values.max())
        self.unit = max(self._top - float(np.median(values)), 1e-9)

    def __call__(self, values: Numbers) -> Numbers:
        """Return the stretched values; none may be above the best."""
        stretched: Numbers = -np.log1p((self._top - values) / self.unit)
        return stretched

    def log_slope(self, values: Numbers) -> Numbers:
        """Return the logarithm of the stretched value's derivative by the value."""
        slope: Numbers = -np.log(self.unit + self._top - values)
        return slope

    def inverse(self, stretched: Numbers) -> Numbers:
        """Return values; a point may lie one unit beyond the best, and not more."""
        values: Numbers = self._top - self.unit * np.expm1(-stretched)
        return values


_TRAINED_ON = 192  # points; the best half of them, the others evenly from all that is known
_FEW = 150  # points up to which several members of a mixture are kept
_MEMBERS = 18  # so many
_SMOOTH = 0.02  # of the stretch's unit: uncertainty about a node of the quadrature
_HOPELESS = -12.0  # logarithm of an expected improvement in units of the stretch
_UNSURE = 0.1  # deviation of what a model of 0 and 1 says of success
# Nodes and weights of a standard normal variable.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class RewardModel:
    """Expected improvement under a model of the reward.

    The reward is modelled twice over the same points: as a whole, and as an accuracy times what
    step time and parameters make of it. Which of the two is believed, and how far, is for the
    data to say: each has the weight of its marginal likelihood. Points that failed are no
    rewards to it; a second model tells how likely a point is to come to one.

    Attributes:
        shares: How far the whole is believed, and the product of parts where it is known,
            adding up to 1.
    """

    def __init__(self, known: KnownTrials) -> None:
        """Fit; `known` must hold two rewards at least."""
        rows = _training_rows(known.rewards)
        codes, rewards = known.codes[rows], known.rewards[rows]
        self._views = [_View(rewards, np.zeros(len(rewards)))]
        targets = []
        if known.penalties is not None:
            penalties = known.penalties[rows]
            self._views.append(_View(rewards / np.exp(penalties), penalties))
            targets = [penalties, penalties - known.forecasts[rows]]
        likeness = Likeness.of(known.levels.values())
        self._gp = CategoricalGP(
            codes,
            np.stack([*(view.target for view in self._views), *targets], axis=1),
            likeness,
            pending=known.pending,
            most=_MEMBERS if len(rows) <= _FEW else 1,
        )
        evidence = np.array(
            [
                density + view.log_slope[: self._gp.num_weighed].sum()
                for density, view in zip(self._gp.evidence, self._views, strict=False)
            ]
        )
        self.shares = np.exp(evidence - evidence.max())
        self.shares /= self.shares.sum()
        self._unit = self._views[0].stretch.unit
        self._failures = _failure_model(known, likeness)
        # What the model makes of the best seen, not their own rewards: those may be luck.
        weights, values = self._outcomes(codes[np.argsort(-rewards)[:20]])
        self._best = float((weights @ values).max())

    def improvement(self, codes: Codes, forecasts: Numbers | None = None) -> Numbers:
        """Return how much each point promises to add to the best, a logarithm, [n].

        Args:
            codes: Of the points.
            forecasts: What is known of their penalties without training, [n]; the model
                predicts what is not.
        """
        weights, values = self._outcomes(codes, forecasts)
        smooth = self._unit * _SMOOTH
        gap = (values - self._best) / smooth
        density = np.exp(-0.5 * gap * gap) / math.sqrt(2 * math.pi)
        expected = weights @ (smooth * (gap * ndtr(gap) + density))
        gains: Numbers = np.log(np.maximum(expected / self._unit, 1e-300))
        # Where hardly anything is to be gained, the order stays and the differences shrink:
        # otherwise what fails for certain would be worth another try.
        gains = np.where(gains < _HOPELESS, _HOPELESS + 0.005 * (gains - _HOPELESS), gains)
        if self._failures is not None:
            (success,) = self._failures.believe(codes)
            gains = gains + log_ndtr((success.mean[0] - 0.5) / _UNSURE)
        return gains

    def _outcomes(self, codes: Codes, forecasts: Numbers | None = None) -> tuple[Numbers, Numbers]:
        """Return rewards held possible, [nodes, n], and how likely each node is, [nodes]."""
        beliefs = self._gp.believe(codes)
        weights, values = [], []
        for view, share, belief in zip(self._views, self.shares, beliefs, strict=False):
            stretched = belief.mean[:, None, :] + _NODES[:, None] * belief.deviation[:, None, :]
            values.append(view.stretch.inverse(stretched).reshape(-1, len(codes)))
            weights.append(share * np.outer(belief.weights, _WEIGHTS).ravel())
        if len(self._views) > 1:
            penalty = beliefs[2] if forecasts is None else beliefs[3]
            predicted = penalty.weights @ penalty.mean
            values[1] *= np.exp(predicted if forecasts is None else predicted + forecasts)
        return np.concatenate(weights), np.concatenate(values)


class _View:
    """Rewards as something to model: themselves, or what a known factor leaves of them.

    Attributes:
        stretch: Of the values.
        target: Stretched values, [n].
        log_slope: Logarithm of a target's derivative by the reward, [n]; it makes densities of
            targets densities of the same rewards.
    """

    def __init__(self, values: Numbers, log_factors: Numbers) -> None:
        self.stretch = Stretch(values)
        self.target = self.stretch(values)
        self.log_slope = self.stretch.log_slope(values) - log_factors


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
