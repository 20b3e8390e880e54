"""The measured costs of a candidate, and the error of one that cannot be trained."""

from dataclasses import dataclass
from typing import Self

from trainer.timing.inference_latency import InferenceLatency
from trainer.timing.step_time import StepTime


class UntrainableError(Exception):
    """The candidate cannot be trained or timed, by its own fault; the message is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredLatency:
    """Latency of a candidate's inference, measured alternately with the reference network's.

    It is that of one image at the search's full image size: the network as PyTorch runs it, in
    evaluation mode. Image size, precision, device and version are those of its training step.

    Attributes:
        latency_s: Median latency, seconds; where another program disturbed the measurement on a
            CPU, the median CPU time (`InferenceLatency.undisturbed_s`).
        relative_latency: `latency_s` / the reference network's.
        reference_latency_s: The reference network's `latency_s`, seconds.
        p50_s: Median wall time, seconds.
        p95_s: Wall time that 95 of 100 calls do not exceed, seconds.
        spread: Interquartile range of the wall times / median.
        repeats: Number of timed calls.
        attempts: Number of measurements until one was good enough.
        contaminated: Whether another process disturbed the measurement that was kept.
        wide_spread: Whether the larger spread of both networks is above the accepted one.
        clock: "wall".
        threads: Threads that compute on a CPU.
    """

    latency_s: float
    relative_latency: float
    reference_latency_s: float
    p50_s: float
    p95_s: float
    spread: float
    repeats: int
    attempts: int
    contaminated: bool
    wide_spread: bool
    clock: str
    threads: int

    @classmethod
    def of(cls, candidate: InferenceLatency, reference: InferenceLatency) -> Self:
        """Return the latency of a candidate that was timed alternately with the reference."""
        return cls(
            latency_s=candidate.undisturbed_s,
            relative_latency=candidate.undisturbed_s / reference.undisturbed_s,
            reference_latency_s=reference.undisturbed_s,
            p50_s=candidate.p50_s,
            p95_s=candidate.p95_s,
            spread=candidate.spread,
            repeats=candidate.repeats,
            attempts=candidate.attempts,
            contaminated=candidate.contaminated,
            wide_spread=candidate.wide_spread,
            clock=candidate.clock,
            threads=candidate.threads,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredCosts:
    """Costs of a candidate, which need no training.

    Attributes:
        timing: Its training step, timed at the search's full image size.
        relative_step_time: Step time / the reference network's: the reward's S
            (arXiv:2104.00298, section 3.3).
        reference_step_time_s: The reference network's step time, measured alternately with the
            candidate's, seconds.
        num_params: Learnable parameters.
        relative_params: Parameters / the reference network's: the reward's P.
        macs: Multiply-adds of one forward pass at the search's full image size.
        num_classes: Outputs of the classifier.
        timing_seconds: Wall seconds of the timing, including the wait for the device.
        device_wait_s: Seconds of the timing in which other processes held the device; 0 if they
            were few.
        latency: Latency of its inference; None if no constraint asks for it.
    """

    timing: StepTime
    relative_step_time: float
    reference_step_time_s: float
    num_params: int
    relative_params: float
    macs: int
    num_classes: int
    timing_seconds: float
    device_wait_s: float = 0.0
    latency: MeasuredLatency | None = None

    @property
    def step_time_s(self) -> float:
        """Time of one training step, seconds."""
        return self.timing.step_time_s
