"""Proximal policy optimization of the controller's policy on batches of complete trials."""

from collections.abc import Sequence

import torch
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from torch import Tensor

from nas.samplers.controller.advantages import RewardBaseline
from nas.samplers.controller.policy import Policy, single_thread
from nas.samplers.controller.settings import PpoSettings
from nas.samplers.controller.trial_batch import TrialBatch, actions_of


class PpoLearner:
    """A policy, its optimizer and its reward baseline.

    All three are functions of the seed and of the batches of trials so far.

    Attributes:
        policy: The policy after the updates so far.

    Source: PPO's clipped objective (arXiv:1707.06347, equation 7) with each decision as an
        action that has the advantage of its whole trial, and an entropy term as NASNet has
        (arXiv:1707.07012, appendix A.2).
    """

    def __init__(self, *, seed: int, settings: PpoSettings) -> None:
        self._settings = settings
        self.policy = Policy(seed=seed, hidden=settings.hidden)
        self._baseline = RewardBaseline(settings.baseline_decay)
        parameters = [*self.policy.lstm.parameters(), *self.policy.start.parameters()]
        self._optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)
        self._optimized_decisions: set[str] = set()

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
        chosen, step_mask = torch.from_numpy(batch.actions), torch.from_numpy(batch.step_mask)
        old_log_probs = torch.from_numpy(batch.log_probs)
        self._add_parameters(batch)
        for _ in range(self._settings.epochs):
            options = self.policy.forward(batch)
            log_probs = options.log_prob(chosen)
            old_log_probs = old_log_probs.where(~old_log_probs.isnan(), log_probs.detach())
            ratio = (log_probs - old_log_probs).exp()
            objective = clipped_objective(ratio, advantage, self._settings.clip)
            objective = objective + self._settings.entropy * options.entropy()
            self._optimizer.zero_grad()
            (-objective[step_mask].mean()).backward()
            self._optimizer.step()

    def _add_parameters(self, batch: TrialBatch) -> None:
        """Give the optimizer the layers of decisions that occur for the first time.

        Adam keeps the moments and the step count of each weight and skips weights without a
        gradient, so a decision that is rarely made is updated like the others.
        """
        new = [name for name in batch.columns if name not in self._optimized_decisions]
        if new:
            layers = [self.policy.layers(name, batch.num_options(name)) for name in new]
            parameters = [weight for layer in layers for weight in layer.parameters()]
            self._optimizer.add_param_group({"params": parameters})
            self._optimized_decisions.update(new)


def clipped_objective(ratio: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Return PPO's clipped objective of each action, to be maximized, [T, B].

    Args:
        ratio: Probability of the action / probability with which it was drawn, [T, B].
        advantage: Advantage of each trial, [B].
        clip: Distance from 1 beyond which a ratio is not rewarded.
    """
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
