"""One timed training step, with the conditions of the measurement."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


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
