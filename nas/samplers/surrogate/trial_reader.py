"""Reads a study's trials as codes, each finished trial once."""

import math
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.candidate import State
from nas.samplers.surrogate.encoded_trials import Codes, KnownTrials
from nas.samplers.surrogate.levels import Levels

# Choices -> the logarithm of what step time and parameters are known to do to the reward.
PenaltyForecast = Callable[[Mapping[str, Any]], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A trial as the model sees it.

    Attributes:
        key: The codes' bytes.
        standing: What came of it: "good", "broken" (a value that counts for nothing), "failed",
            "pending", or "ignored".
        value: Of the objective.
        penalty: Logarithm of value / accuracy; NaN where the trial does not tell an accuracy.
        forecast: What of the penalty was known before training.
    """

    key: bytes
    standing: str
    value: float
    penalty: float
    forecast: float


class TrialReader:
    """Keeps the codes of finished trials, so that a look costs what is new.

    What is kept is a cache: a reader that begins anew reads the same. One reader serves one
    study at a time; copies and pickles of it are empty.
    """

    def __init__(self, forecast: PenaltyForecast | None = None) -> None:
        """Read nothing yet.

        Args:
            forecast: Tells what of a penalty is known from the choices alone.
        """
        self._forecast = forecast
        self._lock = threading.Lock()
        self._storage: weakref.ref[Any] | None = None
        self._study_id = -1
        self._forget()

    def _forget(self) -> None:
        self._levels: dict[str, Levels] = {}
        self._codes_of: dict[str, Mapping[Any, int]] = {}
        self._finished: dict[int, _Line] = {}
        self._finished_before = 0  # every trial with a smaller number is in `_finished`

    def distributions(self, study: Study) -> dict[str, BaseDistribution]:
        """Return the decisions of all trials so far."""
        with self._lock:
            self._open_lines(study)
            return {name: levels.distribution for name, levels in self._levels.items()}

    def read(self, study: Study, asking: int) -> KnownTrials:
        """Read a study as it is when trial `asking` is to be proposed."""
        with self._lock:
            open_lines = self._open_lines(study)
            open_lines.pop(asking, None)
            every = self._finished | open_lines
            lines = [every[number] for number in sorted(every)]
            sign = 1.0 if study.direction is StudyDirection.MAXIMIZE else -1.0
            return _known(lines, dict(self._levels), sign)

    def _open_lines(self, study: Study) -> dict[int, _Line]:
        """Take in what has finished; return the lines of trials that have not."""
        trials = study.get_trials(deepcopy=False)
        storage = self._storage() if self._storage else None
        whole = not trials or trials[-1].number == len(trials) - 1  # a pruner shows us only some
        same = (storage, self._study_id) == (study._storage, study._study_id)
        if not (whole and same) or len(trials) < self._finished_before:
            self._forget()
            self._storage, self._study_id = weakref.ref(study._storage), study._study_id
        fresh = [
            trial
            for trial in trials[self._finished_before :]
            if trial.number not in self._finished
        ]
        if self._brings_names(fresh):
            self._forget()
            self._levels = {name: Levels.of(one) for name, one in _decisions(trials).items()}
            self._codes_of = {name: levels.codes() for name, levels in self._levels.items()}
            fresh = list(trials)
        open_lines = {}
        for trial in fresh:
            if trial.state.is_finished():
                self._finished[trial.number] = self._line(trial)
            elif trial.params:
                open_lines[trial.number] = self._line(trial)
        while self._finished_before in self._finished:
            self._finished_before += 1
        if not whole:
            self._storage = None
        return open_lines

    def _brings_names(self, fresh: Sequence[FrozenTrial]) -> bool:
        """Return whether the levels have to be worked out again, in the order of the trials."""
        return any(
            levels is None or levels.distribution != distribution
            for trial in fresh
            for name, distribution in trial.distributions.items()
            for levels in (self._levels.get(name),)
        )

    def _line(self, trial: FrozenTrial) -> _Line:
        codes, params = [], trial.params
        for name, levels in self._levels.items():
            if name not in params:
                codes.append(len(levels))
            elif code_of := self._codes_of[name]:
                codes.append(code_of.get(params[name], len(levels)))
            else:
                codes.append(levels.bin_of(params[name]))
        key = np.array(codes, dtype=np.int64).tobytes()
        standing = _standing(trial)
        forecast = self._forecast(params) if self._forecast and standing == "good" else 0.0
        return _Line(
            key=key,
            standing=standing,
            value=_value(trial),
            penalty=_penalty(trial),
            forecast=forecast,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {"forecast": self._forecast}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["forecast"])  # type: ignore[misc]


def _value(trial: FrozenTrial) -> float:
    complete = trial.state is TrialState.COMPLETE
    return float(trial.value or 0.0) if complete else 0.0


def _penalty(trial: FrozenTrial) -> float:
    accuracy = trial.user_attrs.get("metrics", {}).get("accuracy", 0.0)
    value = _value(trial)
    return math.log(value / accuracy) if accuracy > 0 and value > 0 else math.nan


def _standing(trial: FrozenTrial) -> str:
    notes = trial.user_attrs
    if not trial.params or notes.get("metrics", {}).get("rung", 0) > 0:
        return "ignored"  # every candidate has a first rung, and rewards of others do not compare
    if trial.state is TrialState.COMPLETE:
        sound = notes.get("state", State.COMPLETE) == State.COMPLETE and np.isfinite(_value(trial))
        return "good" if sound else "broken"
    if trial.state is TrialState.FAIL:
        return "failed"
    return "pending"


def _known(lines: Sequence[_Line], levels: Mapping[str, Levels], sign: float) -> KnownTrials:
    good: dict[bytes, list[_Line]] = {}
    failed: dict[bytes, None] = {}
    pending: dict[bytes, None] = {}
    for line in lines:
        if line.standing == "good":
            good.setdefault(line.key, []).append(line)
        elif line.standing in ("broken", "failed"):
            failed[line.key] = None
        elif line.standing == "pending":
            pending[line.key] = None
    # A search fails the trials that ask again for what is being tried: that is no failure.
    lost = [key for key in failed if key not in pending and key not in good]
    waiting = [key for key in pending if key not in good]
    # A point that was tried once, as nearly all are, needs no mean: fmean is slow.
    once = [lines[0] for lines in good.values()]
    rewards = np.array([line.value for line in once])
    penalties = np.array([line.penalty for line in once])
    for place, lines in enumerate(good.values()):
        if len(lines) > 1:
            rewards[place] = fmean(line.value for line in lines)
            penalties[place] = fmean(line.penalty for line in lines)
    told = sign > 0 and bool(np.isfinite(penalties).all())
    return KnownTrials(
        levels=levels,
        codes=_rows(list(good), len(levels)),
        rewards=sign * rewards,
        penalties=penalties if told else None,
        forecasts=np.array([line.forecast for line in once]),
        failed=_rows(lost, len(levels)),
        pending=_rows(waiting, len(levels)),
    )


def _rows(keys: Sequence[bytes], decisions: int) -> Codes:
    if not keys:
        return np.empty((0, decisions), dtype=np.int64)
    return np.frombuffer(b"".join(keys), dtype=np.int64).reshape(len(keys), decisions)


def _decisions(trials: Sequence[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Return the decisions of all trials, a new one after the one that came before it."""
    order: list[str] = []
    found: dict[str, BaseDistribution] = {}
    for trial in trials:
        place = 0
        for name in trial.distributions:
            if name in found:
                place = order.index(name) + 1
            else:
                order.insert(place, name)
                place += 1
            found[name] = trial.distributions[name]
    return {name: found[name] for name in order}
