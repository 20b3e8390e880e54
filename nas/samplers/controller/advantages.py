"""Advantages of trials over a moving average of the rewards before them."""

import math
import statistics
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from nas.candidate import State

MAX_ADVANTAGE = 3.0  # in standard deviations, so that one outlier cannot undo the learning


class RewardBaseline:
    """Moving mean and variance of rewards.

    Source: reward minus moving average, NASNet (arXiv:1707.07012, appendix A.2). Dividing by
        the standard deviation of recent rewards makes the settings fit rewards of any scale.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._mean, self._variance = math.nan, 0.0
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
        rewards = [
            sign * float(trial.value or 0.0)
            if trial.user_attrs.get("state", State.COMPLETE) == State.COMPLETE
            else None
            for trial in trials
        ]
        valid = [reward for reward in rewards if reward is not None]
        if math.isnan(self._mean) and valid:
            self._mean, self._variance = statistics.fmean(valid), statistics.pvariance(valid)
        return [
            0.0 if self._is_repeated(trial) else self._advantage(reward)
            for trial, reward in zip(trials, rewards, strict=True)
        ]

    def _advantage(self, reward: float | None) -> float:
        """Return the advantage of a reward, None if it failed, and update the average."""
        if reward is None:
            return -MAX_ADVANTAGE
        difference = reward - self._mean
        advantage = difference / (math.sqrt(self._variance) or 1.0)
        self._mean += (1 - self._decay) * difference
        self._variance = self._decay * self._variance + (1 - self._decay) * difference**2
        return max(-MAX_ADVANTAGE, min(MAX_ADVANTAGE, advantage))

    def _is_repeated(self, trial: FrozenTrial) -> bool:
        choices = frozenset(trial.params.items())
        is_repeated = choices in self._seen
        self._seen.add(choices)
        return is_repeated
