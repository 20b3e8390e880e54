"""What a candidate's short training tells, and how it says that it cannot."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


class InfeasibleError(Exception):
    """The candidate cannot be trained or timed: its own fault, and a result like any other.

    The search records the message as the trial's reason with a reward of zero and goes on.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """Time of one training step, and the conditions under which it was measured.

    Attributes:
        step_time_s: Median over the timed blocks of seconds per step: forward, loss, backward
            and optimizer update. Process CPU time on a CPU, device time on a GPU.
        spread: Interquartile range of the blocks / median.
        forward_s: Share of the forward pass and the loss, seconds.
        backward_s: Share of the backward pass, seconds.
        optimizer_s: Share of the optimizer's update, seconds.
        samples_per_sec: Images per second, batch_size / step_time_s.
        peak_memory_bytes: Largest memory in use during a step: the step's own on a GPU, the
            whole process's resident memory, libraries included, on a CPU.
        batch_size: Images per step.
        image_size: Side of the square images, pixels.
        precision: "fp32" or "bf16".
        repeats: Timed blocks that the median is over.
        attempts: Measurements until the spread was narrow enough, this one included.
        contaminated: Whether something outside still disturbed the attempt that was kept.
        clock: "process_cpu" or "cuda_event".
        device: Name of the device.
        torch_version: Version of torch.
        wide_spread: Whether the spread of the attempt that was kept, over all networks timed in
            turn, is wider than was asked for.
    """

    step_time_s: float
    spread: float
    forward_s: float
    backward_s: float
    optimizer_s: float
    samples_per_sec: float
    peak_memory_bytes: int
    batch_size: int
    image_size: int
    precision: str
    repeats: int
    attempts: int
    contaminated: bool
    clock: str
    device: str
    torch_version: str
    wide_spread: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; `from_dict` inverts it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict` output."""
        return cls(**{field.name: data[field.name] for field in fields(cls)})


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
