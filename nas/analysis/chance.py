"""Whether an accuracy says more than guessing would."""

import math
from functools import lru_cache

# How likely it may be that a network which has learnt nothing is taken for one that has. Small,
# because a search looks at many candidates and takes the best of them.
ALPHA = 1e-4


def is_at_chance(accuracy: float, *, images: int, chance: float) -> bool:
    """Tell whether `accuracy` on so many images is explained by guessing.

    It is, unless fewer than `ALPHA` of all guessers would do as well: an exact, one-sided
    binomial test. With 10 even classes the least accuracy above chance is 17.3 % on 300 images,
    13.8 % on 1,000 and 11.1 % on 10,000.

    Args:
        accuracy: Share of the images that is right, in [0, 1].
        images: Images that it was measured on, >= 1.
        chance: Accuracy of the best guess without looking: the share of the commonest class.

    Raises:
        ValueError: If an argument is out of range.
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"is_at_chance.accuracy must be in [0, 1], got {accuracy!r}")
    return round(accuracy * images) < least_right(images, chance)


@lru_cache(maxsize=64)
def least_right(images: int, chance: float) -> int:
    """Return how many right answers are the fewest that guessing does not explain.

    One more than `images` where even all of them would be no proof.

    Raises:
        ValueError: If an argument is out of range.
    """
    if images < 1:
        raise ValueError(f"least_right.images must be >= 1, got {images!r}")
    if not 0 < chance <= 1:
        raise ValueError(f"least_right.chance must be in (0, 1], got {chance!r}")
    if chance == 1:
        return images + 1
    tail = 0.0  # probability of `right` or more
    for right in range(images, -1, -1):
        tail += _probability(right, images, chance)
        if tail > ALPHA:
            return right + 1
    return 0


def _probability(right: int, images: int, chance: float) -> float:
    """Probability of exactly so many right answers, by the binomial distribution."""
    ways = math.lgamma(images + 1) - math.lgamma(right + 1) - math.lgamma(images - right + 1)
    return math.exp(ways + right * math.log(chance) + (images - right) * math.log1p(-chance))
