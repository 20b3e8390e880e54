"""The controller of MnasNet and NASNet as an Optuna sampler: an LSTM policy, taught by PPO."""

import math
import secrets
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.samplers.base import ReproducibleSampler
from nas.samplers.controller.policy import Policy, Thought
from nas.samplers.controller.ppo import Learner, PpoSettings
from nas.samplers.controller.trial_batch import LOG_PROBS, Step, is_decision, steps_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rollout:
    """A trial in the making.

    Attributes:
        number: Of the trial.
        policy: What makes its decisions.
        names: Decisions that are made already.
        thought: The policy's state after them.
    """

    number: int
    policy: Policy
    names: tuple[str, ...]
    thought: Thought

    def after(self, step: Step) -> "_Rollout":
        thought = self.policy.choose(self.thought, step)
        return replace(self, names=(*self.names, step.name), thought=thought)


class ControllerSampler(ReproducibleSampler):
    """Reinforcement learning: the trials are episodes, each decision of a trial an action.

    An LSTM hears the choices made so far and gives the next decision a softmax; decisions that
    are not made take no step. Every `batch` complete trials teach it once, by PPO with an
    entropy term and a moving average of rewards as baseline. A trial keeps the log-probability
    of each of its decisions as it was drawn (system attribute ``controller:log_probs``), so
    results that come late, from a policy of a while ago, are weighted as they should be. Trials
    that no policy drew teach as if drawn when they are learnt.

    The policy is worked out of the trials and kept between proposals; a new sampler with the
    same seed works it out again, to the same weights. Works in any study with one objective;
    numbers are drawn at random.

    Source: the controller of NASNet (arXiv:1707.07012, appendix A.2), which MnasNet and
        EfficientNetV2 used: one LSTM layer of 100 units, weights within 0.1, minibatches of 20,
        learning rate 0.00035, entropy 0.00001, baseline 0.95. Those are for 20,000 samples; the
        defaults here are for 100 to 1000.
    """

    name: ClassVar[str] = "controller"

    def __init__(
        self,
        *,
        seed: int | None = None,
        hidden: int = 64,
        learning_rate: float = 0.01,
        batch: int = 10,
        epochs: int = 3,
        clip: float = 0.2,
        entropy: float = 0.05,
        baseline_decay: float = 0.95,
    ) -> None:
        """Make a sampler.

        Args:
            seed: Of all draws and of the first weights; None is different every time.
            hidden: Units of the LSTM, and of the embedding of a choice.
            learning_rate: Of Adam.
            batch: Complete trials of an update.
            epochs: Steps of Adam in an update, each over the whole batch.
            clip: How far the probability ratio of a decision may go from 1 and still earn.
            entropy: Weight of the mean entropy of a decision, in nats; more explores longer.
            baseline_decay: Weight of the past in the moving average of rewards.

        Raises:
            ValueError: If an option is out of range.
        """
        seed = secrets.randbits(32) if seed is None else seed
        settings = PpoSettings(
            hidden=hidden,
            learning_rate=learning_rate,
            batch=batch,
            epochs=epochs,
            clip=clip,
            entropy=entropy,
            baseline_decay=baseline_decay,
        )
        self._learner = Learner(seed=seed, settings=settings)
        super().__init__(seed)

    def _set_seed(self, seed: int | None) -> None:
        super()._set_seed(seed)
        self._rollout: _Rollout | None = None

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw an option from the policy, and note its log-probability on the trial."""
        if not is_decision(param_distribution):
            return self._random.sample_independent(study, trial, param_name, param_distribution)
        options = param_distribution.choices
        rollout = self._rollout = self._rollout_of(study, trial)
        log_probs = rollout.policy.log_probs(rollout.thought, param_name, len(options))
        weights = [math.exp(log_prob) for log_prob in log_probs]
        chosen = self._rng.choices(range(len(options)), weights)[0]
        notes = {**trial.system_attrs.get(LOG_PROBS, {}), param_name: log_probs[chosen]}
        study._storage.set_trial_system_attr(trial._trial_id, LOG_PROBS, notes)
        return options[chosen]

    def _rollout_of(self, study: Study, trial: FrozenTrial) -> _Rollout:
        """Return the rollout of `trial` up to now, wherever its choices came from."""
        steps, rollout = steps_of(trial), self._rollout
        made = tuple(step.name for step in steps)
        if (
            rollout is None
            or rollout.number != trial.number
            or made[: len(rollout.names)] != rollout.names
        ):
            policy = self._learner.policy(study)
            rollout = _Rollout(
                number=trial.number, policy=policy, names=(), thought=policy.begin()
            )
        for step in steps[len(rollout.names) :]:
            rollout = rollout.after(step)
        return rollout
