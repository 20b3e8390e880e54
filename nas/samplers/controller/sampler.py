"""The controller of MnasNet and NASNet: an LSTM policy trained by PPO."""

import math
import secrets
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from nas.samplers.base import ReproducibleSampler, check_float, check_int
from nas.samplers.controller.episodes import LOG_PROBS, RewardBaseline, actions_of, is_decision
from nas.samplers.history import History, direction_sign

if TYPE_CHECKING:  # at run time torch is imported with the first proposal of a controller
    from nas.samplers.controller.policy import LstmState, Policy


class PolicyCache(History):
    """The policy after a study's complete trials, kept from one proposal to the next.

    Every `batch` complete trials, in the order of completion, make one update. The policy is
    therefore a function of the seed and of the trials: a cache that follows a study and one
    that starts with all its trials have equal weights, to the last bit.
    """

    def __init__(self, *, batch: int, baseline_decay: float, **policy_options: Any) -> None:
        self._batch, self._baseline_decay = batch, baseline_decay
        self._policy_options = policy_options  # arguments of `Policy`
        super().__init__()

    def _restart(self) -> None:
        self._policy: Policy | None = None
        self._baseline, self._num_used = RewardBaseline(self._baseline_decay), 0

    def policy(self, study: Study) -> "Policy":
        """Return the policy after all full batches of `study`'s complete trials."""
        from nas.samplers.controller.policy import Policy

        with self._tracker.lock:
            trials = self.update(study)
            self._policy = self._policy or Policy(**self._policy_options)
            for start in range(self._num_used, len(trials) - self._batch + 1, self._batch):
                batch = trials[start : start + self._batch]
                advantages = self._baseline.advantages(batch, direction_sign(study))
                self._policy.update([actions_of(trial) for trial in batch], advantages)
                self._num_used += self._batch
            return self._policy


class _Rollout(NamedTuple):
    """The progress of trial `number`: its policy, its decisions, and the state after them."""

    number: int
    policy: "Policy"
    decisions: list[str]
    state: "LstmState"


class ControllerSampler(ReproducibleSampler):
    """Reinforcement learning: the trials are episodes, each decision of a trial is an action.

    An LSTM reads the choices made so far and gives the next decision a softmax; decisions that
    are not made take no step. Every `batch` complete trials make one update by PPO with an
    entropy term and a moving average of rewards as baseline. A trial keeps the log-probability
    with which each action was drawn (system attribute ``controller:log_probs``), so results that
    arrive late, drawn by an older policy, get the right weight. Actions that no policy drew
    count as drawn by the policy that learns from them.

    The policy is computed from the trials and cached between proposals. Works in any study with
    one objective; numbers are drawn at random.

    Source: the controller of NASNet (arXiv:1707.07012, appendix A.2), which MnasNet and
        EfficientNetV2 used: one LSTM layer of 100 units, weights within 0.1, minibatches of 20,
        learning rate 0.00035, entropy 0.00001, baseline 0.95. Those values are for 20,000
        samples; the defaults here are for 100 to 1000.
    """

    name: ClassVar[str] = "controller"
    _rollout: _Rollout | None

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
            seed: Seed of all draws and of the initial weights; None gives different ones every
                time.
            hidden: Number of units of the LSTM and of the embedding of an option.
            learning_rate: Learning rate of Adam.
            batch: Number of complete trials of an update.
            epochs: Number of Adam steps of an update, each over the whole batch.
            clip: Distance from 1 beyond which an action's probability ratio is not rewarded.
            entropy: Weight of the mean entropy of a decision, in nats; more explores longer.
            baseline_decay: Weight of the past in the moving average of rewards.

        Raises:
            ValueError: If an option is out of range.
        """
        check_int("controller's hidden", hidden, 1)
        check_int("controller's batch", batch, 1)
        check_int("controller's epochs", epochs, 1)
        check_float("controller's learning_rate", learning_rate, 0, ends="(]")
        check_float("controller's clip", clip, 0, 1, ends="()")
        check_float("controller's entropy", entropy, 0)
        check_float("controller's baseline_decay", baseline_decay, 0, 1, ends="[)")
        seed = secrets.randbits(32) if seed is None else seed
        policy = {"seed": seed, "hidden": hidden, "learning_rate": learning_rate}
        policy |= {"epochs": epochs, "clip": clip, "entropy": entropy}
        self._cache = PolicyCache(batch=batch, baseline_decay=baseline_decay, **policy)
        super().__init__(seed)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw an option from the policy and store its log-probability in the trial."""
        if not is_decision(param_distribution):
            return super().sample_independent(study, trial, param_name, param_distribution)
        options = param_distribution.choices
        rollout = self._rollout = self._rollout_of(study, trial)
        log_probs = rollout.policy.log_probs(rollout.state, param_name, len(options))
        weights = [math.exp(log_prob) for log_prob in log_probs]
        chosen = self._draws.choices(range(len(options)), weights)[0]
        stored = {**trial.system_attrs.get(LOG_PROBS, {}), param_name: log_probs[chosen]}
        study._storage.set_trial_system_attr(trial._trial_id, LOG_PROBS, stored)
        return options[chosen]

    def _set_seed(self, seed: int | None) -> None:
        super()._set_seed(seed)
        self._rollout = None

    def _rollout_of(self, study: Study, trial: FrozenTrial) -> _Rollout:
        """Return the rollout after the trial's actions, whether the policy took them or not."""
        actions, rollout = actions_of(trial), self._rollout
        decisions = [action.decision for action in actions]
        done = len(rollout.decisions) if rollout else 0
        if rollout and (rollout.number, rollout.decisions) == (trial.number, decisions[:done]):
            policy, state = rollout.policy, rollout.policy.advance(rollout.state, actions[done:])
        else:
            policy = self._cache.policy(study)
            state = policy.advance(None, actions)
        return _Rollout(trial.number, policy, decisions, state)
