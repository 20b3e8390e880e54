"""The measured costs of a candidate, and the error of one that cannot be trained."""

from dataclasses import dataclass

from trainer.timing.step_time import StepTime


class UntrainableError(Exception):
    """The candidate cannot be trained or timed, by its own fault; the message is the reason."""


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

    @property
    def step_time_s(self) -> float:
        """Time of one training step, seconds."""
        return self.timing.step_time_s
