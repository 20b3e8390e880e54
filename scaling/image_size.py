"""Image sizes of a scaled network: capped, and smaller for training than for evaluation."""

import math
from dataclasses import dataclass
from fractions import Fraction

from search_space.space import ImageSize

# "Restrict the maximum inference image size to 480": arXiv:2104.00298, section 3.3.
MAX_IMAGE_SIZE = 480

# Training images are "about 20 % smaller" (arXiv:2104.00298, section 5.1); google/automl
# efficientnetv2/main.py takes int(0.8 * eval), down to a multiple of 16.
TRAIN_SHARE = Fraction(4, 5)
_TRAIN_MULTIPLE = 16

SMALLEST = 8  # pixels; no image size goes below


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeLimits:
    """What every derived image size must keep to.

    Attributes:
        max_image_size: Largest side, pixels.
        size_multiple: Every side is a multiple of this; 1 asks for nothing.

    Raises:
        ValueError: If one is below 1, or no multiple lies within the cap.
    """

    max_image_size: int = MAX_IMAGE_SIZE
    size_multiple: int = 1

    def __post_init__(self) -> None:
        if self.size_multiple < 1:
            raise ValueError(f"size_multiple must be >= 1, got {self.size_multiple!r}")
        if self.max_image_size // self.size_multiple * self.size_multiple < SMALLEST:
            raise ValueError(
                f"max_image_size must leave room for a multiple of {self.size_multiple} that is "
                f">= {SMALLEST}, got {self.max_image_size!r}"
            )

    def require(self, source: ImageSize) -> None:
        """Refuse a cap that the source's own images exceed.

        Raises:
            ValueError: If `source` is larger than the cap.
        """
        largest = max(source.train, source.eval)
        if largest > self.max_image_size:
            raise ValueError(
                f"max_image_size must be >= {largest}, the image size of the source, "
                f"got {self.max_image_size}"
            )

    def round(self, size: float | Fraction) -> int:
        """The allowed size at or above `size`, or the largest allowed one."""
        whole = math.floor(size + Fraction(1, 2))
        multiple = self.size_multiple
        largest = self.max_image_size // multiple * multiple
        return min(math.ceil(max(SMALLEST, whole) / multiple) * multiple, largest)


def scaled_sizes(source: ImageSize, eval_size: float | Fraction, limits: SizeLimits) -> ImageSize:
    """Image sizes of a network whose source was used at `source`.

    The evaluation size is `eval_size`, rounded and capped. The training size is four fifths of
    that, but never moves against it: a network that is evaluated on larger images than its
    source is not trained on smaller ones. At the source's own evaluation size nothing moves.

    Args:
        source: Image sizes of the source.
        eval_size: Wanted evaluation size, pixels.
        limits: Cap and multiple.

    Raises:
        ValueError: If the source's own images exceed the cap.

    Source: arXiv:2104.00298, sections 3.3 and 5.1; google/automl efficientnetv2/main.py.
    """
    limits.require(source)
    evaluation = limits.round(eval_size)
    if evaluation == source.eval:
        return ImageSize(train=min(limits.round(source.train), evaluation), eval=evaluation)
    train = four_fifths(evaluation)
    bound = max if evaluation > source.eval else min
    return ImageSize(
        train=min(limits.round(bound(train, source.train)), evaluation), eval=evaluation
    )


def four_fifths(eval_size: int) -> int:
    """Training size for an evaluation size, pixels: a multiple of 16 where there is room."""
    share = math.floor(TRAIN_SHARE * eval_size)
    return max(
        8, share // _TRAIN_MULTIPLE * _TRAIN_MULTIPLE if share >= _TRAIN_MULTIPLE else share
    )
