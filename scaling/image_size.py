"""Image sizes of a scaled network: capped, and smaller for training than for evaluation."""

import math
from dataclasses import dataclass
from fractions import Fraction

from search_space.checks import require
from search_space.space import ImageSize

# "Restrict the maximum inference image size to 480": arXiv:2104.00298, section 3.3.
MAX_IMAGE_SIZE = 480

# Training images are "about 20 % smaller" (arXiv:2104.00298, section 5.1); google/automl
# efficientnetv2/main.py takes int(0.8 * eval), down to a multiple of 16.
TRAIN_SHARE = Fraction(4, 5)
_TRAIN_MULTIPLE = 16

SMALLEST = 8  # pixels; the smallest image size


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeLimits:
    """Limits of all derived image sizes.

    Attributes:
        max_image_size: Largest side, pixels.
        size_multiple: Every side is a multiple of this; 1 is no restriction.

    Raises:
        ValueError: If one is below 1, or no multiple lies within the cap.
    """

    max_image_size: int = MAX_IMAGE_SIZE
    size_multiple: int = 1

    def __post_init__(self) -> None:
        require(self.size_multiple >= 1, "size_multiple", ">= 1", self.size_multiple)
        if self.largest < SMALLEST:
            raise ValueError(
                f"max_image_size must leave room for a multiple of {self.size_multiple} that is "
                f">= {SMALLEST}, got {self.max_image_size!r}"
            )

    @property
    def largest(self) -> int:
        """The largest allowed size, pixels."""
        return self.max_image_size // self.size_multiple * self.size_multiple

    def round(self, size: float | Fraction) -> int:
        """Return the smallest allowed size that is at least `size`, or the largest allowed one."""
        whole = max(SMALLEST, math.floor(size + Fraction(1, 2)))
        return min(math.ceil(whole / self.size_multiple) * self.size_multiple, self.largest)


def scaled_sizes(source: ImageSize, eval_size: float | Fraction, limits: SizeLimits) -> ImageSize:
    """Return the image sizes of a network that was scaled from one with sizes `source`.

    The evaluation size is `eval_size` in pixels, rounded and capped by `limits`. The training
    size is four fifths of it, but never changes in the opposite direction: a network with larger
    evaluation images than its source does not get smaller training images. With an unchanged
    evaluation size, the training size does not change either.

    Raises:
        ValueError: If an image size of the source exceeds the cap.

    Source: arXiv:2104.00298, sections 3.3 and 5.1; google/automl efficientnetv2/main.py.
    """
    largest, cap = max(source.train, source.eval), limits.max_image_size
    rule = f">= {largest}, the image size of the source"
    require(largest <= cap, "max_image_size", rule, cap)
    evaluation, train = limits.round(eval_size), source.train
    if evaluation != source.eval:
        bound = max if evaluation > source.eval else min
        train = bound(four_fifths(evaluation), train)
    return ImageSize(train=min(limits.round(train), evaluation), eval=evaluation)


def four_fifths(eval_size: int) -> int:
    """Return the training size in pixels: a multiple of 16, or at least 8 below 16."""
    share = math.floor(TRAIN_SHARE * eval_size)
    return max(SMALLEST, share // _TRAIN_MULTIPLE * _TRAIN_MULTIPLE or share)
