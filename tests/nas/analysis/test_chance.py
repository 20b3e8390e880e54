"""Significance bounds by hand and from the binomial distribution of scipy.stats."""

import pytest
from scipy.stats import binom

from nas.analysis.chance import ALPHA, is_at_chance, min_correct_above_chance


def test_the_bound_by_hand() -> None:
    # Of 14 fair coins, 14 heads have probability 2**-14 = 6.1e-5, and 13 or more 9.2e-4.
    assert min_correct_above_chance(14, 0.5) == 14
    # With thirteen coins even all heads, 1.2e-4, are not significant.
    assert min_correct_above_chance(13, 0.5) == 14
    assert is_at_chance(1.0, images=13, chance=0.5)
    assert not is_at_chance(1.0, images=14, chance=0.5)


@pytest.mark.parametrize(("images", "chance"), [(1, 0.01), (5, 0.1), (800, 0.1), (10_000, 0.37)])
def test_the_bound_is_the_lowest_significant_count(images: int, chance: float) -> None:
    least = min_correct_above_chance(images, chance)
    assert binom.sf(least - 2, images, chance) > ALPHA
    if least <= images:
        assert binom.sf(least - 1, images, chance) <= ALPHA


def test_no_accuracy_is_above_a_chance_of_one() -> None:
    assert is_at_chance(1.0, images=1000, chance=1.0)


@pytest.mark.parametrize(
    ("accuracy", "images", "chance"), [(1.1, 10, 0.5), (0.5, 0, 0.5), (0.5, 10, 0.0)]
)
def test_arguments_out_of_range_are_refused(accuracy: float, images: int, chance: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        is_at_chance(accuracy, images=images, chance=chance)
