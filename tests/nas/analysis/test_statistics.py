"""Significance bounds by hand and from scipy.stats; Spearman's rho and its coverage."""

import numpy as np
import pytest
from scipy.stats import binom

from nas.analysis.statistics import (
    ALPHA,
    is_at_chance,
    min_correct_above_chance,
    spearman,
    with_interval,
)


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


def test_rho_by_hand() -> None:
    # Squared differences of ranks: 1 + 1 + 0 + 0; rho = 1 - 6 * 2 / (4 * 15) = 0.8.
    assert spearman([1, 2, 3, 4], [20, 10, 30, 40]).rho == pytest.approx(0.8)
    assert spearman([1, 2, 3], [3, 2, 1]).rho == pytest.approx(-1.0)


def test_ties_get_the_mean_of_their_ranks() -> None:
    first, second = [1.0, 1.0, 2.0, 3.0, 3.0, 5.0], [2.0, 1.0, 1.0, 4.0, 6.0, 5.0]
    ranks = [1.5, 1.5, 3, 4.5, 4.5, 6], [3, 1.5, 1.5, 4, 6, 5]
    assert spearman(first, second).rho == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_equal_values_have_no_ranking() -> None:
    found = spearman([1, 1, 1, 1], [1, 2, 3, 4])
    assert (found.rho, found.low, found.high) == (None, -1.0, 1.0)
    assert not found.is_positive
    assert str(found) == "no ranking (n = 4)"


@pytest.mark.parametrize("count", [2, 3])
def test_the_interval_of_up_to_three_pairs_is_everything(count: int) -> None:
    found = spearman(range(count), range(count))
    assert found.rho == pytest.approx(1.0)
    assert (found.low, found.high) == (-1.0, 1.0)


def test_the_interval_by_hand() -> None:
    # z = atanh(0.5) = 0.5493; error = sqrt(1.125 / 25) = 0.21213; 0.5493 -+ 0.41577.
    found = with_interval(0.5, 28)
    assert found.low == pytest.approx(0.1328, abs=2e-4)
    assert found.high == pytest.approx(0.7466, abs=2e-4)


def test_the_interval_of_a_perfect_agreement_depends_on_the_count() -> None:
    few, many = with_interval(1.0, 4), with_interval(1.0, 30)
    assert few.low < 0 < many.low < 1
    assert few.high == many.high == 1.0


def test_the_coverage_of_the_interval() -> None:
    rng = np.random.default_rng(0)
    truth = 6 / np.pi * np.arcsin(0.7 / 2)  # Spearman's of normals with correlation 0.7
    held = 0
    for _ in range(400):
        one, other = rng.standard_normal((2, 12))
        found = spearman(list(one), list(0.7 * one + np.sqrt(0.51) * other))
        held += found.low <= truth <= found.high
    assert 0.92 <= held / 400 <= 0.985


def test_pairs_are_needed() -> None:
    with pytest.raises(ValueError, match="needs pairs, got 2 and 1"):
        spearman([1, 2], [1])
