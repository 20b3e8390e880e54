"""What a candidate's short training tells, and how it says that it cannot."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from trainer.timing.step_time import StepTime


class InfeasibleError(Exception):
    """The candidate cannot be trained or timed: its own fault, and a result like any other.

    The search records the message as the trial's reason with a reward of zero and goes on.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """A candidate after its short training.

    Attributes:
        accuracy: Top-1 accuracy on the held-out part of the training split, in [0, 1].
        step_time: The candidate's measured training step.
        reference_step_time_s: The reference network's step, timed in turn with it, seconds.
        num_params: Learnable parameters.
        macs: Multiply-adds of one forward pass at the training image size.
        train_loss: Mean training loss of the last epoch.
        train_seconds: Wall seconds of training and evaluation.
        timing_seconds: Wall seconds of timing, waiting for the device included.
    """

    accuracy: float
    step_time: StepTime
    reference_step_time_s: float
    num_params: int
    macs: int
    train_loss: float
    train_seconds: float
    timing_seconds: float

    @property
    def relative_step_time(self) -> float:
        """The reward's S: step time / the reference network's (arXiv:2104.00298, 3.3)."""
        return self.step_time.step_time_s / self.reference_step_time_s

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` inverts it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict` output."""
        values = {field.name: data[field.name] for field in fields(cls)}
        return cls(**{**values, "step_time": StepTime.from_dict(data["step_time"])})
