"""What a candidate must be able to reach to be worth training, known before its training."""

from collections.abc import Sequence
from dataclasses import dataclass

from nas.analysis.ranking import contenders
from nas.candidate import Record
from nas.reward import weighted_product
from nas.settings.fidelity_config import ProgressiveConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What is known when a candidate is handed out; it travels to the worker.

    Attributes:
        accuracy: What no candidate's accuracy is taken to exceed, in (0, 1].
        reward: A reward that the candidate has to exceed to enter the top; 0 while the top has
            room, or where rewards do not matter.
        front: (accuracy, relative step time, relative parameters) of the trained candidates,
            or nothing where the front does not matter.
    """

    accuracy: float = 1.0
    reward: float = 0.0
    front: tuple[tuple[float, float, float], ...] = ()

    def reason_to_drop(
        self, relative_step_time: float, relative_params: float, *, w: float, v: float
    ) -> str:
        """Return why training cannot pay, or an empty text where it may.

        Args:
            relative_step_time: Measured, at the full image size; the reference's is 1.
            relative_params: The reference's is 1.
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


def current_bar(records: Sequence[Record], config: ProgressiveConfig, last_rung: int) -> Bar:
    """Return the bar for the next candidate, set by those that finished the last rung."""
    trained = [record for record in contenders(records) if record.rung == last_rung]
    accuracies = [record.outcome.training.accuracy for record in trained]
    bound = config.accuracy_bound
    if config.headroom is not None and accuracies:
        bound = min(bound, max(accuracies) + config.headroom)
    if config.prune == "reward" and len(trained) >= config.top:
        return Bar(accuracy=bound, reward=trained[config.top - 1].outcome.reward)
    if config.prune == "front":
        return Bar(accuracy=bound, front=tuple(_point(record) for record in trained))
    return Bar(accuracy=bound)


def _point(record: Record) -> tuple[float, float, float]:
    costs = record.outcome.costs
    return record.outcome.training.accuracy, costs.relative_step_time, costs.relative_params
