"""The sampler for when nobody says which: model-guided, with some evolution later on."""

import copy
from typing import Any, Self

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.samplers.evolution import EvolutionSampler
from nas.samplers.surrogate.sampler import SurrogateSampler
from nas.samplers.surrogate.trial_reader import PenaltyForecast

_EVERY = 4  # of the later proposals, each fourth is evolution's


class AutoSampler(BaseSampler):
    """Model-guided at first, and later with each fourth proposal from evolution.

    The model is far ahead while little is known. Later a step that asks no model keeps a wrong
    one from holding the search where it is.
    """

    def __init__(
        self,
        *,
        seed: int | None = None,
        alone: int = 100,
        forecast: PenaltyForecast | None = None,
    ) -> None:
        """Make a sampler.

        Args:
            seed: Of all draws; None is different every time.
            alone: Proposals that are the model's before evolution has its share.
            forecast: Of the model, as `SurrogateSampler` has it.

        Raises:
            ValueError: Unless alone >= 0.
        """
        if isinstance(alone, bool) or not isinstance(alone, int) or alone < 0:
            raise ValueError(f"auto's alone must be a whole number >= 0, got {alone!r}")
        self._alone = alone
        self._surrogate = SurrogateSampler(seed=seed, forecast=forecast)
        self._evolution = EvolutionSampler(seed=seed)

    def for_proposal(self, seed: int) -> Self:
        """Return the same sampler with random numbers of its own."""
        twin = copy.copy(self)
        twin._surrogate = self._surrogate.for_proposal(seed)
        twin._evolution = self._evolution.for_proposal(seed)
        return twin

    def reseed_rng(self) -> None:
        """Draw differently from here on; Optuna calls it where processes share a sampler."""
        self._surrogate.reseed_rng()
        self._evolution.reseed_rng()

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the decisions that this trial's sampler proposes together.

        Raises:
            ValueError: If the study has several objectives.
        """
        return self._turn(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return what this trial's sampler proposes."""
        return self._turn(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw at random."""
        return self._turn(trial).sample_independent(study, trial, param_name, param_distribution)

    def _turn(self, trial: FrozenTrial) -> SurrogateSampler | EvolutionSampler:
        evolves = trial.number >= self._alone and trial.number % _EVERY == _EVERY - 1
        return self._evolution if evolves else self._surrogate
