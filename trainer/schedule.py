"""Learning rates as pure functions of the step.

Nothing here keeps state, so a training that stopped goes on from its step number alone.
"""

import math


def scaled_learning_rate(base: float, batch_size: int) -> float:
    """Scale a learning rate that is given for 256 images to `batch_size`, linearly.

    Source: Goyal et al. (arXiv:1706.02677), section 2.1; EfficientNetV2's code uses
    0.016 x batch / 256 (google/automl efficientnetv2/hparams.py).
    """
    return base * batch_size / 256


def warmed_up(step: int, rate: float, *, peak: float, warmup_steps: float) -> float:
    """Replace `rate` by a line from 0 to `peak` during the first `warmup_steps` steps.

    Source: google/automl efficientnetv2/utils.py, WarmupLearningRateSchedule: the schedule
    behind runs from step 0, and the warm-up only overrides its beginning.
    """
    return peak * step / warmup_steps if step < warmup_steps else rate


def cosine(step: int, *, peak: float, total_steps: int, warmup_steps: float = 0) -> float:
    """Learning rate at `step` (0-based) of a half cosine from `peak` to 0, after a warm-up.

    Raises:
        ValueError: If there are no steps.

    Source: Loshchilov & Hutter (arXiv:1608.03983), equation 5, without restarts.
    """
    if total_steps < 1:
        raise ValueError(f"cosine.total_steps must be >= 1, got {total_steps!r}")
    rate = 0.5 * peak * (1 + math.cos(math.pi * min(step, total_steps) / total_steps))
    return warmed_up(step, rate, peak=peak, warmup_steps=warmup_steps)


def exponential(
    step: int,
    *,
    peak: float,
    steps_per_epoch: float,
    decay: float = 0.97,
    decay_epochs: float = 2.4,
    warmup_steps: float = 0,
) -> float:
    """Learning rate at `step` (0-based), multiplied by `decay` every `decay_epochs` epochs.

    The decay is a staircase and counts from step 0, not from the end of the warm-up, so the
    rate drops at the hand-over.

    Source: EfficientNetV2 (arXiv:2104.00298), section 5.1; google/automl efficientnetv2/utils.py.
    """
    rate = peak * decay ** math.floor(step / (decay_epochs * steps_per_epoch))
    return warmed_up(step, rate, peak=peak, warmup_steps=warmup_steps)
