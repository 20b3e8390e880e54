"""Encodes the trials of a study, each finished trial once."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.samplers.history import TrialTracker, direction_sign, has_reward
from nas.samplers.surrogate.decision_encoding import Codes, DecisionEncoding, Floats

Status = Literal["valid", "failed", "pending", "ignored"]


class SupportsLogCostFactor(Protocol):
    """Predicts costs from choices; `nas.costs.predictor.CostPredictor` implements it.

    The samplers do not import that class, because its module imports torch.
    """

    def log_cost_factor(self, choices: Mapping[str, Any], /) -> float:
        """Return the part of log(reward / accuracy) that is known without training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedTrials:
    """The distinct points of a study by the status of their trials.

    The code of a point has one entry for each decision: the level of its value, or the number of
    levels if the decision is inactive.

    Attributes:
        encodings: Decision name -> its encoding, in the order in which decisions are made.
        codes: Points with a reward, [n, decisions].
        rewards: Their rewards, to be maximized, [n]; the mean of a repeated point.
        log_cost_factors: log(reward / accuracy), the effect of step time and parameters on the
            reward, [n]; None unless every trial has an accuracy.
        predicted_log_cost_factors: The part of `log_cost_factors` that is known before
            training, [n].
        failed: Points that failed or break a constraint, [m, decisions].
        pending: Points of running trials, [p, decisions].
    """

    encodings: Mapping[str, DecisionEncoding]
    codes: Codes
    rewards: Floats
    log_cost_factors: Floats | None
    predicted_log_cost_factors: Floats
    failed: Codes
    pending: Codes

    @property
    def sizes(self) -> Codes:
        """Number of levels of every decision, [decisions]."""
        return np.array([len(encoding) for encoding in self.encodings.values()], dtype=np.int64)

    @property
    def seen(self) -> Codes:
        """All points, [n + m + p, decisions]."""
        return np.concatenate([self.codes, self.failed, self.pending])


class _Row(NamedTuple):
    """A trial as the model sees it.

    Attributes:
        key: Bytes of the codes.
        status: "valid" (with a reward), "failed" (or with a value that does not count),
            "pending" or "ignored".
        value: Value of the objective; 0 unless the trial is valid.
        log_cost_factor: log(value / accuracy); NaN without an accuracy.
        predicted_log_cost_factor: The part of it that is known before training.
    """

    key: bytes
    status: Status
    value: float = 0.0
    log_cost_factor: float = math.nan
    predicted_log_cost_factor: float = 0.0


class TrialReader:
    """Keeps the codes of finished trials, so that a reading costs only what is new.

    A reader without this cache reads the same. One reader serves one study at a time.
    """

    def __init__(self, predictor: SupportsLogCostFactor | None = None) -> None:
        self._predictor = predictor
        self._tracker = TrialTracker()
        self._encodings: dict[str, DecisionEncoding] = {}
        self._rows: dict[int, _Row] = {}  # by trial number, in ascending order

    def distributions(self, study: Study) -> dict[str, BaseDistribution]:
        """Return the decisions of all trials so far."""
        with self._tracker.lock:
            self._update(study)
            return {name: encoding.distribution for name, encoding in self._encodings.items()}

    def read(self, study: Study, asking: int) -> EncodedTrials:
        """Return the trials of a study, except for trial number `asking`, which is proposed."""
        with self._tracker.lock:
            self._update(study)
            encodings = dict(self._encodings)
            rows = [row for number, row in self._rows.items() if number != asking]
        points: defaultdict[Status, dict[bytes, list[_Row]]] = defaultdict(dict)
        for row in rows:
            points[row.status].setdefault(row.key, []).append(row)
        valid, failed, pending = points["valid"], points["failed"], points["pending"]
        first = [repeats[0] for repeats in valid.values()]
        # Nearly all points have one trial and need no mean; fmean is slow.
        rewards = np.array([row.value for row in first])
        log_cost_factors = np.array([row.log_cost_factor for row in first])
        for index, repeats in enumerate(valid.values()):
            if len(repeats) > 1:
                rewards[index] = fmean(row.value for row in repeats)
                log_cost_factors[index] = fmean(row.log_cost_factor for row in repeats)
        sign, size = direction_sign(study), len(encodings)
        are_known = sign > 0 and bool(np.isfinite(log_cost_factors).all())
        return EncodedTrials(
            encodings=encodings,
            codes=_codes(list(valid), size),
            rewards=sign * rewards,
            log_cost_factors=log_cost_factors if are_known else None,
            predicted_log_cost_factors=np.array([row.predicted_log_cost_factor for row in first]),
            # A search fails the trials that repeat a running one; the point has not failed.
            failed=_codes([k for k in failed if k not in pending and k not in valid], size),
            pending=_codes([key for key in pending if key not in valid], size),
        )

    def _update(self, study: Study) -> None:
        restarted, changed = self._tracker.update(study)
        if restarted:
            self._encodings, self._rows = {}, {}
        known = {name: encoding.distribution for name, encoding in self._encodings.items()}
        if not all(trial.distributions.items() <= known.items() for trial in changed):
            self._rows, changed = {}, study.get_trials(deepcopy=False)
            self._encodings = {
                name: DecisionEncoding(each) for name, each in _decisions(changed).items()
            }
        for trial in changed:
            self._rows[trial.number] = self._row(trial)

    def _row(self, trial: FrozenTrial) -> _Row:
        params, metrics = trial.params, trial.user_attrs.get("metrics", {})
        codes = [
            encoding.level(params[name]) if name in params else len(encoding)
            for name, encoding in self._encodings.items()
        ]
        key = np.array(codes, dtype=np.int64).tobytes()
        if not params or metrics.get("rung", 0) > 0:
            # Every candidate has a first rung; rewards of rungs are not comparable.
            return _Row(key, "ignored")
        if trial.state not in (TrialState.COMPLETE, TrialState.FAIL):
            return _Row(key, "pending")
        value = float(trial.value or 0.0) if trial.state is TrialState.COMPLETE else math.nan
        if not (math.isfinite(value) and has_reward(trial)):
            return _Row(key, "failed")
        accuracy = metrics.get("accuracy", 0.0)
        factor = math.log(value / accuracy) if accuracy > 0 and value > 0 else math.nan
        predicted = self._predictor.log_cost_factor(params) if self._predictor else 0.0
        return _Row(key, "valid", value, factor, predicted)


def _codes(keys: Sequence[bytes], decisions: int) -> Codes:
    """Return the codes of which `keys` are the bytes, [keys, decisions]."""
    return np.frombuffer(b"".join(keys), dtype=np.int64).reshape(len(keys), decisions)


def _decisions(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Return the decisions of all trials; a new one follows the one made before it."""
    order: list[str] = []
    found: dict[str, BaseDistribution] = {}
    for trial in trials:
        position = 0
        for name in trial.distributions:
            if name in found:
                position = order.index(name) + 1
            else:
                order.insert(position, name)
                position += 1
            found[name] = trial.distributions[name]
    return {name: found[name] for name in order}
