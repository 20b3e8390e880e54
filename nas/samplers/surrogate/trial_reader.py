"""Encodes the trials of a study, each finished trial once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal, Protocol

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.candidate import State
from nas.samplers.history import TrialTracker
from nas.samplers.surrogate.decision_encoding import DecisionEncoding
from nas.samplers.surrogate.encoded_trials import Codes, EncodedTrials

Status = Literal["valid", "invalid", "failed", "pending", "ignored"]


class SupportsLogCostFactor(Protocol):
    """Predicts costs from choices; `nas.costs.predictor.CostPredictor` implements it.

    The samplers do not import that class, because its module imports torch.
    """

    def log_cost_factor(self, choices: Mapping[str, Any], /) -> float:
        """Return the part of log(reward / accuracy) that is known without training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A trial as the model sees it.

    Attributes:
        key: Bytes of the codes.
        status: "valid" (with a reward), "invalid" (with a value that does not count), "failed",
            "pending" or "ignored".
        value: Value of the objective.
        log_cost_factor: log(value / accuracy); NaN without an accuracy.
        predicted_log_cost_factor: The part of it that is known before training.
    """

    key: bytes
    status: Status
    value: float
    log_cost_factor: float
    predicted_log_cost_factor: float


class TrialReader:
    """Keeps the codes of finished trials, so that a reading costs only what is new.

    A reader without this cache reads the same. One reader serves one study at a time.
    """

    def __init__(self, predictor: SupportsLogCostFactor | None = None) -> None:
        self._predictor = predictor
        self._tracker = TrialTracker()
        self._reset({})

    def _reset(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._encodings = {name: DecisionEncoding.of(one) for name, one in distributions.items()}
        self._level_by_value = {
            name: encoding.level_by_value() for name, encoding in self._encodings.items()
        }
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
            rows = [row for number, row in self._rows.items() if number != asking]
            sign = 1.0 if study.direction is StudyDirection.MAXIMIZE else -1.0
            return _encoded_trials(rows, dict(self._encodings), sign)

    def _update(self, study: Study) -> None:
        update = self._tracker.update(study)
        changed = update.changed
        if update.restarted:
            self._reset({})
        if self._has_new_decisions(changed):
            self._reset(_decisions(update.trials))
            changed = update.trials
        for trial in changed:
            self._rows[trial.number] = self._row(trial)

    def _has_new_decisions(self, trials: Sequence[FrozenTrial]) -> bool:
        return any(
            encoding is None or encoding.distribution != distribution
            for trial in trials
            for name, distribution in trial.distributions.items()
            for encoding in (self._encodings.get(name),)
        )

    def _row(self, trial: FrozenTrial) -> _Row:
        codes, params = [], trial.params
        for name, encoding in self._encodings.items():
            if name not in params:
                codes.append(len(encoding))
            elif levels := self._level_by_value[name]:
                codes.append(levels.get(params[name], len(encoding)))
            else:
                codes.append(encoding.bin_of(params[name]))
        status, value, predicted = _status(trial), _value(trial), 0.0
        if self._predictor and status == "valid":
            predicted = self._predictor.log_cost_factor(params)
        accuracy = trial.user_attrs.get("metrics", {}).get("accuracy", 0.0)
        return _Row(
            key=np.array(codes, dtype=np.int64).tobytes(),
            status=status,
            value=value,
            log_cost_factor=(
                math.log(value / accuracy) if accuracy > 0 and value > 0 else math.nan
            ),
            predicted_log_cost_factor=predicted,
        )


def _value(trial: FrozenTrial) -> float:
    return float(trial.value or 0.0) if trial.state is TrialState.COMPLETE else 0.0


def _status(trial: FrozenTrial) -> Status:
    attrs = trial.user_attrs
    if not trial.params or attrs.get("metrics", {}).get("rung", 0) > 0:
        return "ignored"  # every candidate has a first rung; rewards of rungs are not comparable
    if trial.state is TrialState.COMPLETE:
        is_complete = attrs.get("state", State.COMPLETE) == State.COMPLETE
        return "valid" if is_complete and np.isfinite(_value(trial)) else "invalid"
    return "failed" if trial.state is TrialState.FAIL else "pending"


def _encoded_trials(
    rows: Sequence[_Row], encodings: Mapping[str, DecisionEncoding], sign: float
) -> EncodedTrials:
    valid: dict[bytes, list[_Row]] = {}
    for row in rows:
        if row.status == "valid":
            valid.setdefault(row.key, []).append(row)
    failed = dict.fromkeys(row.key for row in rows if row.status in ("invalid", "failed"))
    pending = dict.fromkeys(row.key for row in rows if row.status == "pending")
    # Nearly all points have one trial and need no mean; fmean is slow.
    first = [repeats[0] for repeats in valid.values()]
    rewards = np.array([row.value for row in first])
    log_cost_factors = np.array([row.log_cost_factor for row in first])
    for index, repeats in enumerate(valid.values()):
        if len(repeats) > 1:
            rewards[index] = fmean(row.value for row in repeats)
            log_cost_factors[index] = fmean(row.log_cost_factor for row in repeats)
    are_known = sign > 0 and bool(np.isfinite(log_cost_factors).all())
    return EncodedTrials(
        encodings=encodings,
        codes=_codes(list(valid), len(encodings)),
        rewards=sign * rewards,
        log_cost_factors=log_cost_factors if are_known else None,
        predicted_log_cost_factors=np.array([row.predicted_log_cost_factor for row in first]),
        # A search fails the trials that repeat a running one; that is not a failure of the point.
        failed=_codes([k for k in failed if k not in pending and k not in valid], len(encodings)),
        pending=_codes([key for key in pending if key not in valid], len(encodings)),
    )


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
