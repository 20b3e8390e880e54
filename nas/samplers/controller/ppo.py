"""What the controller learns from a study: one PPO update for every batch of complete trials."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from nas.candidate import State
from nas.samplers.controller.lstm import Adam, Array
from nas.samplers.controller.policy import Policy, Verdict
from nas.samplers.controller.trial_batch import Lesson, Step, steps_of
from nas.samplers.history import History

MOST_ADVANTAGE = 3.0  # in standard deviations; one freak result must not undo what was learnt


@dataclass(frozen=True, slots=True, kw_only=True)
class PpoSettings:
    """How the controller learns.

    Attributes:
        hidden: Units of the LSTM, and of the embedding of a choice.
        learning_rate: Of Adam.
        batch: Complete trials of an update.
        epochs: Steps of Adam in an update, each over the whole batch.
        clip: How far the probability ratio of a decision may go from 1 and still earn.
        entropy: Weight of the mean entropy of a decision, in nats.
        baseline_decay: Weight of the past in the moving average of rewards.

    Raises:
        ValueError: If one of them is out of range.
    """

    hidden: int
    learning_rate: float
    batch: int
    epochs: int
    clip: float
    entropy: float
    baseline_decay: float

    def __post_init__(self) -> None:
        for name in ("hidden", "batch", "epochs"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"controller's {name} must be a whole number >= 1, got {value!r}")
        for name in ("learning_rate", "clip", "entropy", "baseline_decay"):
            value = getattr(self, name)
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if not is_number or not math.isfinite(value):
                raise ValueError(f"controller's {name} must be a number, got {value!r}")
        rules = {
            "learning_rate": (self.learning_rate > 0, "> 0"),
            "clip": (0 < self.clip < 1, "in (0, 1)"),
            "entropy": (self.entropy >= 0, ">= 0"),
            "baseline_decay": (0 <= self.baseline_decay < 1, "in [0, 1)"),
        }
        for name, (holds, wanted) in rules.items():
            if not holds:
                raise ValueError(
                    f"controller's {name} must be {wanted}, got {getattr(self, name)!r}"
                )


class Learner:
    """The policy after the trials of a study, kept from one proposal to the next.

    Every `batch` complete trials, in the order of completion, make one update, so the policy is
    a function of the seed and of the trials; one learner that sees them come one by one and one
    that finds them all there end at the same weights.

    Source: PPO's clipped objective (arXiv:1707.06347, equation 7), each decision an action with
        the advantage of its whole trial; reward minus moving average, and an entropy term, as
        NASNet has (arXiv:1707.07012, appendix A.2). Advantages are in standard deviations of
        recent rewards, which makes the settings fit rewards of any scale.
    """

    def __init__(self, *, seed: int, settings: PpoSettings) -> None:
        self._seed, self._settings = seed, settings
        self._history = History()
        self._begin(version=-1)

    def policy(self, study: Study) -> Policy:
        """Return the policy that `study`'s complete trials have taught."""
        with self._history.lock:
            trials = self._history.complete_trials(study)
            if self._history.version != self._version:
                self._begin(version=self._history.version)
            size = self._settings.batch
            while len(trials) >= (self._updates + 1) * size:
                start = self._updates * size
                self._update(trials[start : start + size], study.direction)
                self._updates += 1
            return self._policy

    def _begin(self, *, version: int) -> None:
        self._version, self._updates = version, 0
        self._policy = Policy(seed=self._seed, hidden=self._settings.hidden)
        self._adam = Adam(self._settings.learning_rate)
        self._mean, self._variance = math.nan, 0.0
        self._met: set[frozenset[tuple[str, object]]] = set()

    def _update(self, trials: Sequence[FrozenTrial], direction: StudyDirection) -> None:
        advantages = self._advantages(
            trials, 1.0 if direction is StudyDirection.MAXIMIZE else -1.0
        )
        pairs = [
            (steps_of(trial), advantage)
            for trial, advantage in zip(trials, advantages, strict=True)
        ]
        pairs = [(steps, advantage) for steps, advantage in pairs if steps]
        if not pairs:
            return
        lesson = Lesson.of([steps for steps, _ in pairs])
        gains = np.array([advantage for _, advantage in pairs])[None, :]  # [1, B]
        old: Array | None = None
        for _ in range(self._settings.epochs):
            verdict = self._policy.judge(lesson)
            if old is None:
                old = _drawn(pairs, _of_chosen(lesson, verdict))
            slope = self._slope(lesson, verdict, gains, old)
            gradients = self._policy.gradients(lesson, verdict, slope)
            self._adam.step(self._policy.weights, gradients)

    def _slope(self, lesson: Lesson, verdict: Verdict, gains: Array, old: Array) -> Array:
        """Return the gradient of the loss with respect to the logits, [T, B, V].

        The loss is -mean(min(r A, clip(r) A)) - entropy weight * mean(H) over all steps, with r
        the ratio of probabilities, A the advantage and H the entropy of a step.
        """
        clip = self._settings.clip
        ratio = np.exp(_of_chosen(lesson, verdict) - old)
        earns = np.where(gains > 0, ratio <= 1 + clip, ratio >= 1 - clip)
        pull = (gains * ratio * earns)[..., None]
        probs = np.exp(verdict.log_probs)
        surprise = np.where(lesson.foreign, 0.0, verdict.log_probs)
        entropy = -(probs * surprise).sum(axis=2, keepdims=True)
        slope = pull * probs + self._settings.entropy * probs * (surprise + entropy)
        np.subtract.at(slope, (*np.indices(lesson.chosen.shape), lesson.chosen), pull[..., 0])
        scaled: Array = slope * (lesson.made / lesson.made.sum())[..., None]
        return scaled

    def _advantages(self, trials: Sequence[FrozenTrial], sign: float) -> list[float]:
        """Return how much better each trial was than those before it, in standard deviations.

        A candidate that failed or broke a constraint has no reward that compares: it counts as
        far worse, and leaves the average alone. What was met before is worth nothing new: its
        advantage is zero, which leaves the entropy to loosen a policy that repeats itself.
        """
        rewards = [sign * float(trial.value or 0.0) for trial in trials]
        trained = [
            trial.user_attrs.get("state", State.COMPLETE) == State.COMPLETE for trial in trials
        ]
        known = [reward for reward, counts in zip(rewards, trained, strict=True) if counts]
        if math.isnan(self._mean) and known:
            self._mean, self._variance = statistics.fmean(known), statistics.pvariance(known)
        decay, advantages = self._settings.baseline_decay, []
        for trial, reward, counts in zip(trials, rewards, trained, strict=True):
            if self._is_repeat(trial):
                advantages.append(0.0)
                continue
            if not counts:
                advantages.append(-MOST_ADVANTAGE)
                continue
            gain = reward - self._mean
            spread = math.sqrt(self._variance) or 1.0
            advantages.append(max(-MOST_ADVANTAGE, min(MOST_ADVANTAGE, gain / spread)))
            self._mean += (1 - decay) * gain
            self._variance = decay * self._variance + (1 - decay) * gain * gain
        return advantages

    def _is_repeat(self, trial: FrozenTrial) -> bool:
        """Return whether its choices were met before, and note them."""
        choices = frozenset(trial.params.items())
        is_repeat = choices in self._met
        self._met.add(choices)
        return is_repeat


def _of_chosen(lesson: Lesson, verdict: Verdict) -> Array:
    """Return the log-probability of what was chosen, [T, B]."""
    of_chosen: Array = np.take_along_axis(verdict.log_probs, lesson.chosen[..., None], axis=2)
    return of_chosen[..., 0]


def _drawn(pairs: Sequence[tuple[Sequence[Step], float]], now: Array) -> Array:
    """Return the log-probabilities of drawing; what no policy drew counts as drawn just `now`."""
    drawn = now.copy()
    for trial, (steps, _) in enumerate(pairs):
        for time, step in enumerate(steps):
            if step.log_prob is not None:
                drawn[time, trial] = step.log_prob
    return drawn
