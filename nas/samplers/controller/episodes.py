"""Trials as episodes of reinforcement learning: their actions and their advantages."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeGuard

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

from nas.samplers.history import has_reward

LOG_PROBS = "controller:log_probs"  # system attribute of a trial: decision -> log-probability
MAX_ADVANTAGE = 3.0  # in standard deviations, so that one outlier cannot undo the learning


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """The choice of one decision's option.

    Attributes:
        decision: Name of the decision.
        num_options: Number of its options.
        option: Index of the chosen option.
        log_prob: Natural logarithm of the probability with which a policy drew the option; NaN
            if no policy drew it.
    """

    decision: str
    num_options: int
    option: int
    log_prob: float = math.nan


def actions_of(trial: FrozenTrial) -> list[Action]:
    """Return a trial's actions in the order in which they were taken."""
    log_probs = trial.system_attrs.get(LOG_PROBS, {})
    return [
        Action(
            decision=name,
            num_options=len(distribution.choices),
            option=int(distribution.to_internal_repr(trial.params[name])),
            log_prob=log_probs.get(name, math.nan),
        )
        for name, distribution in trial.distributions.items()
        if is_decision(distribution)
    ]


def is_decision(distribution: BaseDistribution) -> TypeGuard[CategoricalDistribution]:
    """Return whether the policy decides: there are named options, and more than one."""
    return isinstance(distribution, CategoricalDistribution) and not distribution.single()


class RewardBaseline:
    """Moving mean and variance of rewards.

    Source: reward minus moving average, NASNet (arXiv:1707.07012, appendix A.2). Dividing by
        the standard deviation of recent rewards makes the settings fit rewards of any scale.
    """

    def __init__(self, decay: float) -> None:
        self._decay, self._mean, self._variance = decay, math.nan, 0.0
        self._seen: set[frozenset[tuple[str, object]]] = set()

    def advantages(self, trials: Sequence[FrozenTrial], sign: float) -> list[float]:
        """Return the advantage of each trial, in [-3, 3] standard deviations.

        A candidate that failed or broke a constraint has no comparable reward: it gets the
        least advantage and does not change the average. A repeated candidate has an advantage
        of zero, so that only the entropy term acts on a policy that repeats itself.

        Args:
            trials: Complete trials that follow those of earlier calls.
            sign: 1 if the objective is maximized, -1 if it is minimized.
        """
        if math.isnan(self._mean):
            rewards = [sign * float(each.value or 0.0) for each in trials if has_reward(each)]
            if rewards:
                self._mean = statistics.fmean(rewards)
                self._variance = statistics.pvariance(rewards)
        return [self._advantage(trial, sign) for trial in trials]

    def _advantage(self, trial: FrozenTrial, sign: float) -> float:
        """Return the advantage of a trial, and update the average."""
        choices = frozenset(trial.params.items())
        if choices in self._seen:
            return 0.0
        self._seen.add(choices)
        if not has_reward(trial):
            return -MAX_ADVANTAGE
        difference = sign * float(trial.value or 0.0) - self._mean
        advantage = difference / (math.sqrt(self._variance) or 1.0)
        self._mean += (1 - self._decay) * difference
        self._variance = self._decay * self._variance + (1 - self._decay) * difference**2
        return max(-MAX_ADVANTAGE, min(MAX_ADVANTAGE, advantage))
