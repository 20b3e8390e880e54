"""What an untried candidate is expected to add to the best reward."""

import math

import numpy as np
from scipy.special import ndtr

from nas.samplers.categorical_gp import Belief, CategoricalGP
from nas.samplers.known_trials import Codes, KnownTrials, Numbers

_TRAINED_ON = 400  # points; the best half of them, the others evenly from all that is known
_EXACT = 1e-6  # of a reward's logarithm, where it is the product of its parts
# Nodes and weights of a standard normal variable.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(7)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class RewardModel:
    """Expected improvement, from models of the reward's parts where the trials tell them.

    A reward that is accuracy x step time^w x parameters^v is modelled in three parts: time and
    parameters follow the decisions almost exactly, so only the accuracy is a guess. Accuracies
    are stretched near the best and squeezed far below it (`_Stretch`), because the worst
    networks must not shape the model of the good ones.
    """

    def __init__(self, known: KnownTrials) -> None:
        """Fit; `known` must hold two rewards at least."""
        rows = _training_rows(known.rewards)
        codes, rewards = known.codes[rows], known.rewards[rows]
        exponents = _exponents(known)
        if exponents is not None and known.parts is not None:
            logs = np.log(known.parts[rows])
            self._logarithmic, values = True, known.parts[rows, 0]
            costs = [exponents[0] * logs[:, 1], exponents[1] * logs[:, 2]]
        else:
            self._logarithmic, values, costs = False, rewards, []
        self._stretch = _Stretch(values)
        self._gp = CategoricalGP(
            codes,
            np.column_stack([self._stretch(values), *costs]),
            known.sizes,
            pending=known.pending,
            most=4 if len(rows) <= 150 else 2,
        )
        self._failures = _failure_model(known)
        best = codes[np.argsort(-rewards)[:20]]
        self._best = float(self._means(best).max())

    def improvement(self, codes: Codes) -> Numbers:
        """Return the logarithm of what each point is expected to add to the best, [n]."""
        nodes, deviation = self._outcomes(codes)
        total = np.zeros(len(codes))
        for weight, outcome in nodes:
            gap = (outcome - self._best) / deviation
            density = np.exp(-0.5 * gap * gap) / math.sqrt(2 * math.pi)
            total += weight * deviation * (gap * ndtr(gap) + density)
        gains: Numbers = np.log(np.maximum(total, 1e-300))
        if self._failures is not None:
            (belief,) = self._failures.believe(codes)[0]
            gains = gains + 2 * np.log(np.clip(belief.mean, 0.02, 1.0))
        return gains

    def _means(self, codes: Codes) -> Numbers:
        nodes, _ = self._outcomes(codes)
        mean: Numbers = np.sum([weight * outcome for weight, outcome in nodes], axis=0)
        return mean

    def _outcomes(self, codes: Codes) -> tuple[list[tuple[float, Numbers]], Numbers]:
        """Return weighted outcomes of points, and the deviation that their costs add."""
        beliefs = self._gp.believe(codes)
        offset, variance = np.zeros(len(codes)), np.full(len(codes), 1e-12)
        for cost in beliefs[1:]:
            offset = offset + _mean(cost)
            variance = variance + cost[0].deviation ** 2
        nodes = []
        for belief in beliefs[0]:
            for node, weight in zip(_NODES, _WEIGHTS, strict=True):
                value = self._stretch.inverse(belief.mean + node * belief.deviation)
                if self._logarithmic:
                    value = np.log(np.maximum(value, 1e-6))
                nodes.append((belief.weight * float(weight), value + offset))
        smooth = np.full(len(codes), self._stretch.unit * 0.02)
        return nodes, np.sqrt(variance + smooth**2)


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


def _mean(beliefs: list[Belief]) -> Numbers:
    mean: Numbers = np.sum([belief.weight * belief.mean for belief in beliefs], axis=0)
    return mean


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


def _exponents(known: KnownTrials) -> Numbers | None:
    """Return w and v where the rewards are accuracy x step time^w x parameters^v, else None."""
    if known.parts is None or (known.rewards <= 0).any():
        return None
    logs = np.log(known.parts)
    discount = np.log(known.rewards) - logs[:, 0]
    exponents: Numbers = np.linalg.lstsq(logs[:, 1:], discount, rcond=None)[0]
    misfit = np.abs(logs[:, 1:] @ exponents - discount).max()
    return exponents if misfit < _EXACT else None


def _failure_model(known: KnownTrials) -> CategoricalGP | None:
    """Return a model of success, 1 or 0, or None where nothing failed."""
    if not len(known.failed):
        return None
    good, failed = known.codes[-_TRAINED_ON // 2 :], known.failed[-_TRAINED_ON // 2 :]
    success = np.concatenate([np.ones(len(good)), np.zeros(len(failed))])
    turn = np.argsort(np.concatenate([np.arange(len(good)), np.arange(len(failed))]), kind="stable")
    return CategoricalGP(
        np.concatenate([good, failed])[turn],
        success[turn][:, None],
        known.sizes,
        pending=known.pending[:0],
        most=1,
    )
