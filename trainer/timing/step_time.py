"""Time of a training step, with the conditions of its measurement."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTime:
    """Time of one training step, and the conditions of its measurement.

    Attributes:
        step_time_s: Median over the timed blocks of the mean time of a step, seconds: forward
            pass, loss, backward pass and optimizer update. Process CPU time on a CPU, device
            time on a GPU.
        spread: Interquartile range of the blocks / median.
        forward_s: Part of the forward pass and the loss, seconds.
        backward_s: Part of the backward pass, seconds.
        optimizer_s: Part of the optimizer update, seconds.
        samples_per_sec: Images per second, batch_size / step_time_s.
        peak_memory_bytes: Largest memory in use during a step: of the step alone on a GPU; on a
            CPU the resident memory of the whole process, libraries included.
        batch_size: Images per step.
        image_size: Side of the square images, pixels.
        precision: "fp32" or "bf16".
        repeats: Number of timed blocks.
        attempts: Number of measurements until the spread was small enough.
        contaminated: Whether another process disturbed the measurement that was kept.
        clock: "process_cpu" or "cuda_event".
        device: Name of the device.
        torch_version: Version of torch.
        wide_spread: Whether the largest spread of all networks that were timed together is above
            the accepted one.
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
