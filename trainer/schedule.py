"""Phases of progressive learning, and learning rates as pure functions of the step.

Nothing here keeps state, so a training that stopped goes on from its step number alone.
"""

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Training settings that hold still for one phase (the paper says "stage").

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
        rules = {
            "image_size": (self.image_size >= 1, ">= 1"),
            "dropout": (0 <= self.dropout < 1, "in [0, 1)"),
            "randaug_magnitude": (0 <= self.randaug_magnitude < math.inf, ">= 0"),
            "mixup_alpha": (0 <= self.mixup_alpha < math.inf, ">= 0"),
            "cutmix_alpha": (0 <= self.cutmix_alpha < math.inf, ">= 0"),
        }
        for name, (holds, wanted) in rules.items():
            if not holds:
                raise ValueError(f"Phase.{name} must be {wanted}, got {getattr(self, name)!r}")


def progressive_phases(
    first: Phase, last: Phase, *, count: int, size_multiple: int = 1
) -> tuple[Phase, ...]:
    """Interpolate linearly from `first` to `last` in `count` phases.

    Phase i (0-based) lies at i / (count - 1) of the way. Both ends come back exactly as given;
    image sizes between them are cut to whole multiples of `size_multiple`, downwards as the
    released code cuts its own, and never below the first.

    Raises:
        ValueError: If `count` < 2, `size_multiple` < 1, or the images shrink.

    Source: EfficientNetV2 (arXiv:2104.00298), section 4.2, algorithm 1. It leaves the rounding
    of a size open: 128 to 300 in four phases is 128, 185.3, 242.7, 300 there, 242 here.
    """
    if count < 2:
        raise ValueError(f"progressive_phases.count must be >= 2, got {count!r}")
    if size_multiple < 1:
        raise ValueError(f"progressive_phases.size_multiple must be >= 1, got {size_multiple!r}")
    if last.image_size < first.image_size:
        raise ValueError(
            f"progressive_phases.last must not have smaller images than first, "
            f"got {last.image_size} after {first.image_size}"
        )

    def phase(index: int) -> Phase:
        def at(start: float, end: float) -> float:
            return start + (end - start) * index / (count - 1)

        growth = (last.image_size - first.image_size) * index // (count - 1)
        size = (first.image_size + growth) // size_multiple * size_multiple
        return Phase(
            image_size=max(size, first.image_size),
            dropout=at(first.dropout, last.dropout),
            randaug_magnitude=at(first.randaug_magnitude, last.randaug_magnitude),
            mixup_alpha=at(first.mixup_alpha, last.mixup_alpha),
            cutmix_alpha=at(first.cutmix_alpha, last.cutmix_alpha),
        )

    return (first, *(phase(index) for index in range(1, count - 1)), last)


def google_phases(first: Phase, last: Phase, *, count: int) -> tuple[Phase, ...]:
    """Return the phases as the released code has them, which differ from the paper's.

    The size of phase i (0-based) lies at (i + 1) / count of the way, cut to whole pixels: the
    first phase is a part of the way up already, and ``first.image_size`` itself never comes.
    Magnitude and alphas run from end to end, and dropout is the last's throughout.

    Raises:
        ValueError: As `progressive_phases`.

    Source: google/automl efficientnetv2/main.py, lines 455-490, where a ramp of the dropout is
    computed and then thrown away.
    """
    phases = progressive_phases(first, last, count=count)
    span = last.image_size - first.image_size
    return tuple(
        replace(
            phase,
            image_size=first.image_size + span * (index + 1) // count,
            dropout=last.dropout,
        )
        for index, phase in enumerate(phases)
    )


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
