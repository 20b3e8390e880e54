"""Phases of progressive learning, and learning rates as pure functions of the step.

The functions keep no state, so an interrupted training resumes from its step number alone.
"""

import math
from dataclasses import dataclass, fields, replace

from search_space.checks import require


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Training settings that are constant during one phase (the paper says "stage").

    Attributes:
        image_size: Side of the square training crop, pixels.
        dropout: Dropout rate before the classifier, in [0, 1).
        randaug_magnitude: RandAugment strength, >= 0; 0 turns it off.
        mixup_alpha: Parameter of mixup's Beta distribution, >= 0; 0 turns it off.
        cutmix_alpha: Parameter of cutmix's Beta distribution, >= 0; 0 turns it off.

    Raises:
        ValueError: If a value is out of range.
    """

    image_size: int
    dropout: float
    randaug_magnitude: float
    mixup_alpha: float
    cutmix_alpha: float = 0.0

    def __post_init__(self) -> None:
        require(self.image_size >= 1, "Phase.image_size", ">= 1", self.image_size)
        require(0 <= self.dropout < 1, "Phase.dropout", "in [0, 1)", self.dropout)
        for name in ("randaug_magnitude", "mixup_alpha", "cutmix_alpha"):
            value = getattr(self, name)
            require(0 <= value < math.inf, f"Phase.{name}", ">= 0", value)


def progressive_phases(
    first: Phase, last: Phase, *, count: int, size_multiple: int = 1
) -> tuple[Phase, ...]:
    """Interpolate linearly from `first` to `last` in `count` phases.

    Phase i (0-based) lies at i / (count - 1) of the way. The first and the last phase are
    returned unchanged; image sizes between them are rounded down to multiples of
    `size_multiple`, but never below the first.

    Raises:
        ValueError: If `count` < 2, `size_multiple` < 1, or the images shrink.

    Source: EfficientNetV2 (arXiv:2104.00298), section 4.2, algorithm 1. It does not say how
    sizes are rounded: 128 to 300 in four phases is 128, 185.3, 242.7, 300 there and 128, 185,
    242, 300 here. The released code also rounds down.
    """
    require(count >= 2, "progressive_phases.count", ">= 2", count)
    require(size_multiple >= 1, "progressive_phases.size_multiple", ">= 1", size_multiple)
    smallest, size = first.image_size, last.image_size
    rule = f">= {smallest}, no smaller images than first"
    require(size >= smallest, "progressive_phases.last.image_size", rule, size)

    def phase(index: int) -> Phase:
        growth = (last.image_size - first.image_size) * index // (count - 1)
        size = (first.image_size + growth) // size_multiple * size_multiple
        values = {}
        for name in (field.name for field in fields(Phase) if field.name != "image_size"):
            start, end = getattr(first, name), getattr(last, name)
            values[name] = start + (end - start) * index / (count - 1)
        return Phase(image_size=max(size, first.image_size), **values)

    return (first, *(phase(index) for index in range(1, count - 1)), last)


def google_phases(first: Phase, last: Phase, *, count: int) -> tuple[Phase, ...]:
    """Return the phases of the released code, which differ from the paper's.

    The size of phase i (0-based) lies at (i + 1) / count of the way, rounded down to whole
    pixels, so that no phase has the size ``first.image_size``. Magnitude and alphas are
    interpolated as in `progressive_phases`, and all phases have the dropout of `last`.

    Raises:
        ValueError: As `progressive_phases`.

    Source: google/automl efficientnetv2/main.py, lines 455-490, which computes a ramp of the
    dropout and does not use it.
    """
    phases = progressive_phases(first, last, count=count)
    span = last.image_size - first.image_size
    sizes = (first.image_size + span * (index + 1) // count for index in range(count))
    return tuple(
        replace(phase, image_size=size, dropout=last.dropout)
        for phase, size in zip(phases, sizes, strict=True)
    )


def scaled_learning_rate(base: float, batch_size: int) -> float:
    """Scale a learning rate for 256 images linearly to `batch_size`.

    Source: Goyal et al. (arXiv:1706.02677), section 2.1; EfficientNetV2's code uses
    0.016 x batch / 256 (google/automl efficientnetv2/hparams.py).
    """
    return base * batch_size / 256


def warmed_up(step: int, rate: float, *, peak: float, warmup_steps: float) -> float:
    """Return a linear warm-up from 0 to `peak` during `warmup_steps` steps, then `rate`.

    Source: google/automl efficientnetv2/utils.py, WarmupLearningRateSchedule: the schedule
    starts at step 0, and the warm-up replaces its beginning.
    """
    return peak * step / warmup_steps if step < warmup_steps else rate


def cosine(step: int, *, peak: float, total_steps: int, warmup_steps: float = 0) -> float:
    """Return the learning rate at `step` (0-based): half a cosine from `peak` to 0, and a warm-up.

    Raises:
        ValueError: If `total_steps` < 1.

    Source: Loshchilov & Hutter (arXiv:1608.03983), equation 5, without restarts.
    """
    require(total_steps >= 1, "cosine.total_steps", ">= 1", total_steps)
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
    """Return the learning rate at `step` (0-based), times `decay` every `decay_epochs` epochs.

    The decay is a staircase that starts at step 0, not at the end of the warm-up, so the rate
    drops where the warm-up ends.

    Source: EfficientNetV2 (arXiv:2104.00298), section 5.1; google/automl efficientnetv2/utils.py.
    """
    rate = peak * decay ** math.floor(step / (decay_epochs * steps_per_epoch))
    return warmed_up(step, rate, peak=peak, warmup_steps=warmup_steps)
