"""The measured training step of a candidate, and the error of one that cannot be trained."""

from dataclasses import dataclass

from trainer.timing.step_time import StepTime


class InfeasibleError(Exception):
    """The candidate cannot be trained or timed, by its own fault.

    The search records the message as the candidate's reason with a reward of zero, and
    continues.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMeasurement:
    """A candidate's training step, timed alternately with the reference network's.

    Attributes:
        step_time: The candidate's step.
        reference_step_time_s: The reference network's step, seconds.
        num_params: Learnable parameters of the candidate.
        macs: Multiply-adds of one forward pass at the training image size.
        timing_seconds: Wall seconds of the timing, including the wait for the device.
    """

    step_time: StepTime
    reference_step_time_s: float
    num_params: int
    macs: int
    timing_seconds: float

    @property
    def relative_step_time(self) -> float:
        """The reward's S: step time / the reference network's (arXiv:2104.00298, 3.3)."""
        return self.step_time.step_time_s / self.reference_step_time_s
