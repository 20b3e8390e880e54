"""Optuna's TPE over the best and the newest trials, so that asking costs the same for ever."""

import heapq
from collections.abc import Container
from typing import Any, cast

from optuna.distributions import BaseDistribution
from optuna.samplers import TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

BEST = 25  # trials that TPE calls good; its own default takes no more
WINDOW = 500  # complete trials that are shown


class RecentTpeSampler(TPESampler):
    """TPE that is shown at most 500 complete trials: the 25 best, and the newest of the others.

    What TPE calls good is then what it would call good among all; only the density of the rest
    forgets, in which TPE itself gives the old ones less weight. Up to 500 trials, and with
    several objectives, it is Optuna's own.
    """

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the decisions of the trials that are shown."""
        return super().infer_relative_search_space(recent(study), trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return TPE's choices."""
        return super().sample_relative(recent(study), trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return TPE's choice of one decision."""
        return super().sample_independent(recent(study), trial, param_name, param_distribution)


def recent(study: Study) -> Study:
    """Return `study` with the complete trials that matter; trials of other states all stay."""
    return study if len(study.directions) > 1 else cast(Study, _RecentStudy(study))


class _RecentStudy:
    """A study that hides old trials; everything else is the study's."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._shown: list[FrozenTrial] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self,
        deepcopy: bool = True,  # noqa: ARG002 (Optuna's signature; nobody changes them here)
        states: Container[TrialState] | None = None,
        use_cache: bool = False,  # noqa: ARG002
    ) -> list[FrozenTrial]:
        if self._shown is None:
            self._shown = self._show()
        return [trial for trial in self._shown if states is None or trial.state in states]

    get_trials = _get_trials

    def _show(self) -> list[FrozenTrial]:
        trials = self._study.get_trials(deepcopy=False)
        complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
        if len(complete) <= WINDOW:
            return trials
        sign = -1.0 if self._study.direction is StudyDirection.MAXIMIZE else 1.0
        best = heapq.nsmallest(BEST, complete, key=lambda one: sign * float(one.value or 0.0))
        kept = {trial.number for trial in best}
        for trial in reversed(complete):
            if len(kept) == WINDOW:
                break
            kept.add(trial.number)
        return [
            trial
            for trial in trials
            if trial.state is not TrialState.COMPLETE or trial.number in kept
        ]
