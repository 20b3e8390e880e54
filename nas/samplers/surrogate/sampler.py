"""Model-guided search by expected improvement under a Gaussian process."""

from functools import cache
from typing import Any, ClassVar

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial
from threadpoolctl import ThreadpoolController

from nas.samplers.base import ReproducibleSampler, check_int
from nas.samplers.surrogate.candidate_pool import CandidatePool, least_tried, row_keys, unseen
from nas.samplers.surrogate.decision_encoding import Codes
from nas.samplers.surrogate.expected_improvement import RewardModel
from nas.samplers.surrogate.trial_reader import (
    EncodedTrials,
    SupportsLogCostFactor,
    TrialReader,
)

_NUM_PARENTS = 10  # best known points that are mutated
_NUM_ROUNDS = 2  # rounds of mutating the best candidates
_NUM_BEST = 5  # candidates that are mutated in a round
_SHORTLIST = 24  # candidates whose costs are predicted before one is proposed
_MIN_REWARDS = 4  # rewards that the model needs


class SurrogateSampler(ReproducibleSampler):
    """Proposes the candidate with the largest expected improvement over the best trial.

    The first proposals spread over the options of every decision. Then, for each proposal, a
    Gaussian process with main effects and pairs of decisions is fitted to the trials, and the
    best candidate is taken from a pool of random points and mutants of good points. Running
    trials count as if they had the predicted reward, so parallel workers try different points.
    Points of earlier trials are not proposed again.

    Works in any study with one objective; ranges of numbers are divided into bins.

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
        predictor: SupportsLogCostFactor | None = None,
    ) -> None:
        """Make a sampler.

        Args:
            seed: Seed of all draws; None gives different draws every time.
            startup: Number of first proposals, which do not use the model.
            pool: Number of candidates that the search for a proposal starts with.
            predictor: Predicts the costs of candidates, such as
                `nas.costs.predictor.CostPredictor`.

        Raises:
            ValueError: Unless startup >= 1, pool >= 8 and `predictor` has `log_cost_factor`.
        """
        check_int("surrogate's startup", startup, 1)
        check_int("surrogate's pool", pool, 8)
        if predictor is not None and not hasattr(predictor, "log_cost_factor"):
            raise ValueError(
                f"surrogate's predictor must have the method log_cost_factor, got {predictor!r}"
            )
        self._startup, self._pool, self._predictor = startup, pool, predictor
        self._reader = TrialReader(predictor)
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
        trials = self._reader.read(study, trial.number)
        # On busy cores, threads for matrices this small wait for each other: with one thread a
        # proposal took 1/50 of the CPU time on a loaded machine of two cores.
        with _thread_pools().limit(limits=1, user_api="blas"):
            codes = self._proposal(trials)
        return self._choices(trials, codes)

    def _proposal(self, trials: EncodedTrials) -> Codes:
        """Return the codes of the proposal, [decisions]."""
        pool = CandidatePool(trials.seen, trials.sizes, self._numpy_rng)
        if len(trials.seen) < self._startup or len(trials.rewards) < _MIN_REWARDS:
            drawn = pool.random(self._pool // 4)
            new = unseen(drawn, set(row_keys(trials.seen)))
            return least_tried(new if len(new) else drawn, trials.seen)
        return self._most_promising(trials, pool)

    def _most_promising(self, trials: EncodedTrials, pool: CandidatePool) -> Codes:
        """Return the point with the largest expected improvement that was found."""
        model, rng = RewardModel(trials), self._numpy_rng
        parents = trials.codes[np.argsort(-trials.rewards, kind="stable")[:_NUM_PARENTS]]
        rank = rng.exponential(2.5, size=3 * self._pool // 4).astype(np.int64)
        chosen = parents[np.minimum(rank, len(parents) - 1)]
        mutants = pool.mutants(chosen, rng.choice((1, 1, 2, 3), size=len(chosen)))
        drawn = np.concatenate([pool.random(self._pool // 4), mutants])
        seen = set(row_keys(trials.seen))
        candidates = unseen(drawn, seen)
        if not len(candidates):
            last: Codes = drawn[-1]
            return last
        gains = model.log_improvement(candidates)
        for _ in range(_NUM_ROUNDS):
            best = candidates[np.argsort(-gains, kind="stable")[:_NUM_BEST]]
            best = np.repeat(best, self._pool // 8, axis=0)
            near = unseen(pool.mutants(best, rng.choice((1, 1, 2), size=len(best))), seen)
            if len(near):
                candidates = np.concatenate([candidates, near])
                gains = np.concatenate([gains, model.log_improvement(near)])
        if self._predictor:
            candidates = candidates[np.argsort(-gains, kind="stable")[:_SHORTLIST]]
            choices = [self._choices(trials, codes) for codes in candidates]
            log_factors = np.array([self._predictor.log_cost_factor(each) for each in choices])
            gains = model.log_improvement(candidates, log_factors)
        most_promising: Codes = candidates[int(np.argmax(gains))]
        return most_promising

    def _choices(self, trials: EncodedTrials, codes: Codes) -> dict[str, Any]:
        """Return the values of [decisions] codes, without inactive decisions."""
        return {
            name: encoding.value(int(code), self._numpy_rng)
            for code, (name, encoding) in zip(codes, trials.encodings.items(), strict=True)
            if code < len(encoding)
        }


@cache
def _thread_pools() -> ThreadpoolController:
    """Return the handle on the BLAS threads; making it takes milliseconds."""
    return ThreadpoolController()
