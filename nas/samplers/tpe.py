"""Optuna's TPE over the best and the newest trials, which bounds the cost of a proposal."""

import heapq
import warnings
from collections.abc import Container
from functools import cached_property
from typing import Any, cast

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from nas.samplers.base import check_int
from nas.samplers.history import direction_sign

BEST = 25  # best trials kept; Optuna's TPE fits its density of good trials to at most 25
WINDOW = 500  # complete trials kept


class RecentTpeSampler(TPESampler):
    """TPE over at most 500 complete trials: the 25 best, and the newest of the others.

    The trials that TPE calls good are then the same as among all trials. Only the density of
    the other trials loses its oldest ones, to which TPE itself gives less weight. Up to 500
    trials, and with several objectives, it is Optuna's TPE. Its options are explicit, so that
    new defaults of Optuna do not change a search: `group` keeps the decisions of a removable
    stage out of the joint model of the others, and `constant_liar` keeps parallel workers from
    trying the same candidates.
    """

    def __init__(
        self, *, seed: int | None = None, startup: int = 10, candidates: int = 24
    ) -> None:
        """Make a sampler.

        Args:
            seed: Seed of all draws; None gives different draws every time.
            startup: Number of first proposals that are random.
            candidates: Number of candidates whose expected improvement is compared.

        Raises:
            ValueError: Unless startup >= 0 and candidates >= 1.
        """
        check_int("tpe's startup", startup, 0)
        check_int("tpe's candidates", candidates, 1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # `group`, since Optuna 2.8
            super().__init__(
                seed=seed,
                n_startup_trials=startup,
                n_ei_candidates=candidates,
                multivariate=True,
                group=True,
                constant_liar=True,
            )

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the decisions of the recent trials."""
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
    """Return a view of `study` with at most `WINDOW` complete trials and all others."""
    return study if len(study.directions) > 1 else cast(Study, _RecentStudy(study))


class _RecentStudy:
    """A view of a study without old complete trials; all else is delegated to the study."""

    def __init__(self, study: Study) -> None:
        self._study = study

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)

    def _get_trials(
        self,
        deepcopy: bool = True,  # noqa: ARG002 (Optuna's signature; the trials are not changed)
        states: Container[TrialState] | None = None,
        use_cache: bool = False,  # noqa: ARG002
    ) -> list[FrozenTrial]:
        return [trial for trial in self._kept if states is None or trial.state in states]

    get_trials = _get_trials

    @cached_property
    def _kept(self) -> list[FrozenTrial]:
        trials = self._study.get_trials(deepcopy=False)
        complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
        if len(complete) <= WINDOW:
            return trials
        sign = direction_sign(self._study)
        best = heapq.nlargest(BEST, complete, key=lambda trial: sign * float(trial.value or 0.0))
        numbers = {trial.number for trial in best}
        others = [trial.number for trial in complete if trial.number not in numbers]
        dropped = set(others[: BEST - WINDOW])
        return [trial for trial in trials if trial.number not in dropped]
