"""What the trials of a study tell a model: points as codes, their rewards, failures."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from nas.candidate import State
from nas.samplers.levels import Levels

Codes = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTrials:
    """The distinct points of a study, sorted by what came of them.

    A code is the level of a decision, and the number of its levels where it is inactive.

    Attributes:
        levels: Decision name -> its levels, in the order in which they are decided.
        codes: Of the points with a reward, [n, decisions].
        rewards: Their rewards, [n], the higher the better; the mean where a point was repeated.
        failed: Codes of points that failed or break a constraint, [m, decisions].
        pending: Codes of points that are being tried, [p, decisions].
    """

    levels: Mapping[str, Levels]
    codes: Codes
    rewards: Numbers
    failed: Codes
    pending: Codes

    @property
    def sizes(self) -> Codes:
        """Number of levels of every decision, [decisions]."""
        return np.array([len(levels) for levels in self.levels.values()], dtype=np.int64)

    @property
    def seen(self) -> Codes:
        """Codes of every point that has been asked for, [n + m + p, decisions]."""
        return np.concatenate([self.codes, self.failed, self.pending])


def known_trials(study: Study, asking: int) -> KnownTrials:
    """Read a study as it is when trial `asking` is to be proposed."""
    trials = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.number != asking and trial.params
    ]
    levels = {name: Levels.of(distribution) for name, distribution in _decisions(trials).items()}
    rows = _encode(trials, levels)
    sign = 1.0 if study.direction is StudyDirection.MAXIMIZE else -1.0
    good: dict[bytes, list[int]] = {}
    failed: dict[bytes, int] = {}
    pending: dict[bytes, int] = {}
    for index, trial in enumerate(trials):
        key = rows[index].tobytes()
        if trial.user_attrs.get("metrics", {}).get("rung", 0) > 0:
            continue  # every candidate has a first rung, and rewards of others do not compare
        if trial.state is TrialState.COMPLETE:
            if trial.user_attrs.get("state", State.COMPLETE) == State.COMPLETE and np.isfinite(
                trial.value or 0.0
            ):
                good.setdefault(key, []).append(index)
            else:
                failed[key] = index
        elif trial.state is TrialState.FAIL:
            failed.setdefault(key, index)
        else:
            pending[key] = index
    # A search fails the trials that ask again for what is being tried: that is no failure.
    lost = [index for key, index in failed.items() if key not in pending and key not in good]
    waiting = [index for key, index in pending.items() if key not in good]
    return KnownTrials(
        levels=levels,
        codes=rows[[group[0] for group in good.values()]],
        rewards=sign
        * np.array([np.mean([trials[i].value for i in group]) for group in good.values()]),
        failed=rows[lost],
        pending=rows[waiting],
    )


def _decisions(trials: Iterable[FrozenTrial]) -> dict[str, BaseDistribution]:
    """Return the decisions of all trials, a new one after the one that came before it."""
    order: list[str] = []
    found: dict[str, BaseDistribution] = {}
    for trial in trials:
        if not trial.distributions.keys() <= found.keys():
            place = 0
            for name in trial.distributions:
                if name in found:
                    place = order.index(name) + 1
                else:
                    order.insert(place, name)
                    place += 1
        found.update(trial.distributions)
    return {name: found[name] for name in order}


def _encode(trials: Sequence[FrozenTrial], levels: Mapping[str, Levels]) -> Codes:
    """Return the codes of trials, [trials, decisions]."""
    rows = np.empty((len(trials), len(levels)), dtype=np.int64)
    params = [trial.params for trial in trials]
    for column, (name, of) in enumerate(levels.items()):
        codes, inactive = of.codes(), len(of)

        if codes:
            rows[:, column] = [
                codes[values[name]] if name in values else inactive for values in params
            ]
        else:
            rows[:, column] = [
                of.bin_of(values[name]) if name in values else inactive for values in params
            ]
    return rows
