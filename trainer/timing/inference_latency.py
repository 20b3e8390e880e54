"""Latency of inference, with the conditions of its measurement."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceLatency:
    """Latency of one call of a network with a batch of images, and how it was measured.

    Latency is wall time: from the call until the outputs are in the host's memory. The images
    are in the device's memory before; reading, decoding and resizing them is not included.

    Attributes:
        p50_s: Median latency of a call, seconds.
        p95_s: Latency that 95 of 100 calls do not exceed, seconds.
        cpu_s: Median CPU time of a call, seconds. None on a GPU, and with several threads.
        spread: Interquartile range of the latencies / median.
        samples_per_sec: Images per second, batch_size / p50_s.
        batch_size: Images of a call.
        image_size: Side of the square images, pixels.
        form: "eager", the network as PyTorch runs it, or "exported".
        runtime: Library that computes, with its version.
        precision: "fp32" or "bf16".
        threads: Threads that compute on a CPU; on a GPU one thread launches the kernels.
        repeats: Number of timed calls.
        attempts: Number of measurements until one was good enough.
        contaminated: Whether another process disturbed the measurement that was kept.
        wide_spread: Whether the largest spread of all that was timed together is above the
            accepted one.
        clock: "wall".
        device: Name of the device.
        torch_version: Version of torch.
    """

    p50_s: float
    p95_s: float
    cpu_s: float | None
    spread: float
    samples_per_sec: float
    batch_size: int
    image_size: int
    form: str
    runtime: str
    precision: str
    threads: int
    repeats: int
    attempts: int
    contaminated: bool
    wide_spread: bool
    clock: str
    device: str
    torch_version: str

    @property
    def undisturbed_s(self) -> float:
        """Median latency without the part of other processes, seconds.

        One thread computes without a wait, so on an idle processor its CPU time is its latency.
        It takes the place of the wall time where other processes took the processor meanwhile;
        they change it too, but less (`experiments/latency`).
        """
        return self.cpu_s if self.contaminated and self.cpu_s is not None else self.p50_s
