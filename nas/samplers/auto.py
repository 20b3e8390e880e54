"""The default sampler: the surrogate at first, later also evolution."""

from typing import Any, ClassVar

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.samplers.base import ReproducibleSampler, check_int
from nas.samplers.evolution import EvolutionSampler
from nas.samplers.surrogate.sampler import SurrogateSampler
from nas.samplers.surrogate.trial_reader import SupportsLogCostFactor

_EVOLUTION_INTERVAL = 4  # after the first `alone` proposals, every fourth is evolution's


class AutoSampler(ReproducibleSampler):
    """Proposes by the surrogate at first; later every fourth proposal comes from evolution.

    The surrogate is far ahead of evolution while few trials are known. Later, steps that do not
    use a model keep a wrong model from confining the search to one region.
    """

    name: ClassVar[str] = "auto"

    def __init__(
        self,
        *,
        seed: int | None = None,
        alone: int = 100,
        predictor: SupportsLogCostFactor | None = None,
    ) -> None:
        """Make a sampler.

        Args:
            seed: Seed of all draws; None gives different draws every time.
            alone: Number of first proposals that the surrogate makes alone.
            predictor: As `SurrogateSampler` takes it.

        Raises:
            ValueError: Unless alone >= 0.
        """
        check_int("auto's alone", alone, 0)
        self._alone = alone
        self._surrogate = SurrogateSampler(seed=seed, predictor=predictor)
        self._evolution = EvolutionSampler(seed=seed)
        super().__init__(seed)

    def _set_seed(self, seed: int | None) -> None:
        self._surrogate = self._surrogate.reseeded(seed)
        self._evolution = self._evolution.reseeded(seed)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return the decisions that the trial's sampler chooses jointly."""
        return self._sampler_of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return what the trial's sampler proposes."""
        return self._sampler_of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a uniform random value of one decision."""
        sampler = self._sampler_of(trial)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _sampler_of(self, trial: FrozenTrial) -> ReproducibleSampler:
        """Return the sampler that proposes this trial."""
        is_turn = trial.number % _EVOLUTION_INTERVAL == _EVOLUTION_INTERVAL - 1
        return self._evolution if is_turn and trial.number >= self._alone else self._surrogate
