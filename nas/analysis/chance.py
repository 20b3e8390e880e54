"""Significance test of an accuracy against guessing."""

from functools import lru_cache

import numpy as np
from scipy.special import bdtrc

# Probability that a network which has learnt nothing passes the test. Small, because a search
# tests many candidates and selects the best of them.
ALPHA = 1e-4


def is_at_chance(accuracy: float, *, images: int, chance: float) -> bool:
    """Return whether guessing explains `accuracy`, by an exact one-sided binomial test.

    With 10 balanced classes, the lowest accuracy above chance is 17.3 % on 300 images, 13.8 % on
    1,000 and 11.1 % on 10,000.

    Args:
        accuracy: Top-1 accuracy, in [0, 1].
        images: Images that it was measured on, >= 1.
        chance: Accuracy of guessing, in (0, 1]: the share of the most frequent class.

    Raises:
        ValueError: If an argument is out of range.
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"is_at_chance.accuracy must be in [0, 1], got {accuracy!r}")
    return round(accuracy * images) < min_correct_above_chance(images, chance)


@lru_cache(maxsize=64)
def min_correct_above_chance(images: int, chance: float) -> int:
    """Return the lowest number of correct answers that guessing does not explain.

    Guessing reaches it with a probability of at most `ALPHA`. It is ``images + 1`` where even
    all answers correct would not be significant.

    Raises:
        ValueError: If an argument is out of range.
    """
    if images < 1:
        raise ValueError(f"min_correct_above_chance.images must be >= 1, got {images!r}")
    if not 0 < chance <= 1:
        raise ValueError(f"min_correct_above_chance.chance must be in (0, 1], got {chance!r}")
    tails = bdtrc(np.arange(images + 1), images, chance)  # of more than 0, 1, ... correct answers
    return int((tails > ALPHA).sum()) + 1
