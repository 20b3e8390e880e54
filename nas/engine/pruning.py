"""Pruning of candidates that cannot enter the top, before they are trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nas.analysis.ranking import contenders
from nas.candidate import Record
from nas.reward import weighted_product


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningRule:
    """How the pruning threshold follows from the finished candidates.

    Attributes:
        by: "reward": prune what cannot enter the top by reward; "front": prune what a trained
            candidate dominates in accuracy, step time and parameters; "off": prune nothing.
        top: Number of candidates in the top, >= 1.
        accuracy_bound: Accuracy that no candidate is assumed to exceed, in (0, 1].
        max_accuracy_gain: If given, no candidate is assumed to exceed the best accuracy so far
            by more than this.
    """

    by: Literal["reward", "front", "off"] = "off"
    top: int = 5
    accuracy_bound: float = 1.0
    max_accuracy_gain: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningThreshold:
    """What a candidate has to be able to reach, as of the moment when it is handed out.

    Attributes:
        accuracy: Accuracy that the candidate is assumed not to exceed, in (0, 1].
        reward: Reward that the candidate has to exceed to enter the top; 0 while the top has
            fewer candidates than it may hold, or where rewards do not matter.
        front: (accuracy, relative step time, relative parameters) of each trained candidate;
            empty where the front does not matter.
    """

    accuracy: float = 1.0
    reward: float = 0.0
    front: tuple[tuple[float, float, float], ...] = ()

    def pruning_reason(
        self, relative_step_time: float, relative_params: float, *, w: float, v: float
    ) -> str:
        """Return why the candidate is pruned, or an empty string.

        Args:
            relative_step_time: Measured at the full image size; the reference network's is 1.
            relative_params: The reference network's is 1.
            w: Exponent of step time in the reward.
            v: Exponent of parameters in the reward.
        """
        best = weighted_product(self.accuracy, relative_step_time, relative_params, w=w, v=v)
        if self.reward and best <= self.reward:
            return (
                f"not trained: with {100 * self.accuracy:.1f} % accuracy its reward would be "
                f"{best:.4f}, and the top begins at {self.reward:.4f}"
            )
        for accuracy, step_time, params in self.front:
            if (
                accuracy >= self.accuracy
                and step_time <= relative_step_time
                and params <= relative_params
            ):
                return (
                    f"not trained: even with {100 * self.accuracy:.1f} % accuracy one of "
                    f"{100 * accuracy:.1f} %, {step_time:.2f}x step time and {params:.2f}x "
                    "parameters beats it"
                )
        return ""


def current_threshold(
    records: Sequence[Record], rule: PruningRule, last_rung: int
) -> PruningThreshold:
    """Return the threshold for the next candidate, from those that finished the last rung."""
    if rule.by == "off":
        return PruningThreshold(accuracy=rule.accuracy_bound)
    trained = [record for record in contenders(records) if record.rung == last_rung]
    accuracies = [record.outcome.training.accuracy for record in trained]
    bound = rule.accuracy_bound
    if rule.max_accuracy_gain is not None and accuracies:
        bound = min(bound, max(accuracies) + rule.max_accuracy_gain)
    if rule.by == "front":
        costs = [record.outcome.costs for record in trained]
        relative = [(one.relative_step_time, one.relative_params) for one in costs]
        points = tuple((one, *two) for one, two in zip(accuracies, relative, strict=True))
        return PruningThreshold(accuracy=bound, front=points)
    if len(trained) < rule.top:
        return PruningThreshold(accuracy=bound)
    return PruningThreshold(accuracy=bound, reward=trained[rule.top - 1].outcome.reward)
