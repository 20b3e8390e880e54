"""Model-guided search as an Optuna sampler whose state is recomputed from the trials."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial
from threadpoolctl import ThreadpoolController

from nas.samplers.base import ReproducibleSampler, check_int
from nas.samplers.surrogate.candidate_pool import CandidatePool, keys_of, spread_out, unseen
from nas.samplers.surrogate.conditions import Conditions
from nas.samplers.surrogate.encoded_trials import Codes, KnownTrials
from nas.samplers.surrogate.expected_improvement import RewardModel
from nas.samplers.surrogate.trial_reader import PenaltyForecast, TrialReader

_PARENTS = 10  # best known points whose neighbours are looked at
_ROUNDS = 2  # of looking around the best candidates so far
_SHORTLIST = 24  # candidates whose costs are forecast before one is proposed
_FEWEST = 4  # rewards that a model is fitted to


class SurrogateSampler(ReproducibleSampler):
    """Proposes what a model of the trials expects to improve most on the best of them.

    The first proposals spread over the options of every decision. After that a Gaussian
    process with main effects and pairs of decisions is fitted to all trials, and the candidate
    with the largest expected improvement is taken from a pool of random points and of mutants
    of the best. Candidates in training count as if they had turned out as expected, so that
    parallel workers try different things; points that are known are not proposed again.

    Works in any study with one objective; ranges of numbers are cut into bins.

    Source: Jones et al., Efficient Global Optimization (J. Global Optimization 13, 1998), for
        expected improvement; Ginsbourger et al. (2010) for the "kriging believer".
    """

    name: ClassVar[str] = "surrogate"

    def __init__(
        self,
        *,
        seed: int | None = None,
        startup: int = 8,
        pool: int = 200,
        forecast: PenaltyForecast | None = None,
    ) -> None:
        """Make a sampler.

        Args:
            seed: Of all draws; None is different every time.
            startup: Spread-out proposals before the model's.
            pool: Candidates that each round of looking for the best proposal begins with.
            forecast: Returns the logarithm of the factor by which step time and parameters,
                as far as they are known from the choices alone, multiply the accuracy.

        Raises:
            ValueError: Unless startup >= 1, pool >= 8 and `forecast` can be called.
        """
        check_int("surrogate's startup", startup, 1)
        check_int("surrogate's pool", pool, 8)
        self._startup, self._pool = startup, pool
        if forecast is not None and not callable(forecast):
            raise ValueError(f"surrogate's forecast must be a function, got {forecast!r}")
        self._forecast = forecast
        self._reader = TrialReader(forecast)
        super().__init__(seed)

    def _set_seed(self, seed: int | None) -> None:
        super()._set_seed(seed)
        self._numpy_rng = np.random.default_rng(seed)

    def _search_space(self, study: Study) -> dict[str, BaseDistribution]:
        """Return the decisions of all trials so far."""
        return self._reader.distributions(study)

    def _sample(
        self,
        study: Study,
        trial: FrozenTrial,
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return a value for every decision that is active in the proposal."""
        known = self._reader.read(study, trial.number)
        # Beside busy trainings, threads for matrices this small wait for each other: with one
        # thread a proposal took 1/50 of the CPU time on a loaded machine of two cores.
        with _blas().limit(limits=1, user_api="blas"):
            codes = self._propose(known)
        return self._choices(known, codes)

    def _propose(self, known: KnownTrials) -> Codes:
        conditions = Conditions.read(known.seen, known.sizes)
        pool = CandidatePool(conditions=conditions, rng=self._numpy_rng)
        if len(known.seen) < self._startup or len(known.rewards) < _FEWEST:
            fresh = pool.random(self._pool // 4)
            new = unseen(fresh, keys_of(known.seen))
            return spread_out(new if len(new) else fresh, known.seen)
        return self._most_promising(known, pool)

    def _most_promising(self, known: KnownTrials, pool: CandidatePool) -> Codes:
        """Return the point with the largest expected improvement that was found."""
        model = RewardModel(known)
        parents = known.codes[np.argsort(-known.rewards, kind="stable")[:_PARENTS]]
        rank = self._numpy_rng.exponential(2.5, size=3 * self._pool // 4).astype(np.int64)
        chosen = parents[np.minimum(rank, len(parents) - 1)]
        mutants = pool.mutants(chosen, self._numpy_rng.choice((1, 1, 2, 3), size=len(chosen)))
        drawn = np.concatenate([pool.random(self._pool // 4), mutants])
        seen = keys_of(known.seen)
        candidates = unseen(drawn, seen)
        if not len(candidates):
            last: Codes = drawn[-1]
            return last
        gains = model.improvement(candidates)
        for _ in range(_ROUNDS):
            best = np.repeat(candidates[np.argsort(-gains, kind="stable")[:5]], self._pool // 8, 0)
            near = pool.mutants(best, self._numpy_rng.choice((1, 1, 2), size=len(best)))
            near = unseen(near, seen)
            if len(near):
                candidates = np.concatenate([candidates, near])
                gains = np.concatenate([gains, model.improvement(near)])
        if self._forecast:
            candidates = candidates[np.argsort(-gains, kind="stable")[:_SHORTLIST]]
            forecasts = [self._forecast(self._choices(known, codes)) for codes in candidates]
            gains = model.improvement(candidates, np.array(forecasts))
        most: Codes = candidates[int(np.argmax(gains))]
        return most

    def _choices(self, known: KnownTrials, codes: Codes) -> dict[str, Any]:
        """Return the values that codes stand for, without those of inactive decisions."""
        return {
            name: levels.value(int(code), self._numpy_rng)
            for code, (name, levels) in zip(codes, known.levels.items(), strict=True)
            if code < len(levels)
        }


@cache
def _blas() -> ThreadpoolController:
    """Return the handle on numpy's and scipy's threads; finding it takes milliseconds."""
    return ThreadpoolController()
