"""Proximal policy optimization of the controller's policy on batches of complete trials."""

from collections.abc import Sequence

import torch
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from torch import Tensor

from nas.samplers.controller.actions import actions_of
from nas.samplers.controller.advantages import RewardBaseline
from nas.samplers.controller.policy import Policy, single_thread
from nas.samplers.controller.settings import PpoSettings
from nas.samplers.controller.trial_batch import TrialBatch


class PpoLearner:
    """A policy and its reward baseline, functions of the seed and of the batches so far.

    Attributes:
        policy: The policy after the updates so far.

    Source: PPO's clipped objective (arXiv:1707.06347, equation 7) with each decision as an
        action that has the advantage of its whole trial, and an entropy term as NASNet has
        (arXiv:1707.07012, appendix A.2).
    """

    def __init__(self, *, seed: int, settings: PpoSettings) -> None:
        self._settings = settings
        self._baseline = RewardBaseline(settings.baseline_decay)
        self.policy = Policy(
            seed=seed, hidden=settings.hidden, learning_rate=settings.learning_rate
        )

    @torch.enable_grad()
    @single_thread()
    def update(self, trials: Sequence[FrozenTrial], direction: StudyDirection) -> None:
        """Take the Adam steps of one batch of complete trials.

        Actions that no policy drew count as drawn by the policy before the update.
        """
        sign = 1.0 if direction is StudyDirection.MAXIMIZE else -1.0
        advantages = self._baseline.advantages(trials, sign)
        actions = [actions_of(trial) for trial in trials]
        used = [index for index, taken in enumerate(actions) if taken]
        if not used:
            return
        batch = TrialBatch.of([actions[index] for index in used])
        advantage = torch.tensor([advantages[index] for index in used], dtype=torch.float64)
        old_log_probs = batch.log_probs
        for _ in range(self._settings.epochs):
            options = self.policy.forward(batch)
            log_probs = options.log_prob(batch.actions)
            old_log_probs = old_log_probs.where(~old_log_probs.isnan(), log_probs.detach())
            ratio = (log_probs - old_log_probs).exp()
            objective = clipped_objective(ratio, advantage, self._settings.clip)
            objective = objective + self._settings.entropy * options.entropy()
            self.policy.optimizer.zero_grad()
            (-objective[batch.step_mask].mean()).backward()
            self.policy.optimizer.step()


def clipped_objective(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Return PPO's clipped objective of each action, to be maximized, [T, B].

    Args:
        ratio: Probability of the action / probability with which it was drawn, [T, B].
        advantage: Advantage of each trial, [B].
        clip: Distance from 1 beyond which a ratio is not rewarded.
    """
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
