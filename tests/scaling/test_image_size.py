"""Image sizes of scaled networks: published sizes, cap, multiples and direction."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.image_size import SizeLimits, four_fifths, scaled_sizes
from search_space.space import ImageSize


@pytest.mark.parametrize(
    ("eval_size", "train_size"), [(240, 192), (260, 208), (300, 240), (480, 384), (600, 480)]
)
def test_training_sizes_are_those_of_the_published_networks(
    eval_size: int, train_size: int
) -> None:
    assert four_fifths(eval_size) == train_size


def test_the_cap_holds() -> None:
    sizes = scaled_sizes(ImageSize(train=300, eval=384), 600, SizeLimits())
    assert sizes == ImageSize(train=384, eval=480)


def test_a_small_source_stays_small_and_does_not_train_on_less() -> None:
    sizes = scaled_sizes(ImageSize(train=48, eval=48), 60, SizeLimits())
    assert sizes == ImageSize(train=48, eval=60)


def test_the_sources_own_size_changes_nothing() -> None:
    source = ImageSize(train=300, eval=384)
    assert scaled_sizes(source, 384, SizeLimits()) == source


def test_a_multiple_is_the_next_one_above() -> None:
    limits = SizeLimits(size_multiple=32)
    assert scaled_sizes(ImageSize(train=48, eval=48), 60, limits) == ImageSize(train=64, eval=64)
    own = scaled_sizes(ImageSize(train=300, eval=384), 384, limits)
    assert own == ImageSize(train=320, eval=384)


@given(
    st.integers(8, 480),
    st.integers(0, 480),
    st.floats(1.0, 2000.0),
    st.sampled_from((1, 8, 16, 32)),
)
def test_sizes_keep_to_cap_and_multiple_and_move_together(
    eval_size: int, less: int, wanted: float, multiple: int
) -> None:
    source = ImageSize(train=max(8, eval_size - less), eval=eval_size)
    sizes = scaled_sizes(source, wanted, SizeLimits(size_multiple=multiple))
    assert 8 <= sizes.train <= sizes.eval <= 480
    assert sizes.train % multiple == sizes.eval % multiple == 0
    if wanted >= source.eval:
        assert sizes.eval >= source.eval
        assert sizes.train >= source.train
    again = scaled_sizes(sizes, sizes.eval, SizeLimits(size_multiple=multiple))
    assert again == sizes


def test_a_cap_below_the_source_is_rejected_with_both_numbers() -> None:
    with pytest.raises(ValueError, match=r"max_image_size must be >= 384.* got 320"):
        scaled_sizes(ImageSize(train=300, eval=384), 384, SizeLimits(max_image_size=320))


@pytest.mark.parametrize(("cap", "multiple"), [(480, 512), (4, 1), (480, 0), (9, 5)])
def test_limits_that_leave_no_size_are_rejected(cap: int, multiple: int) -> None:
    with pytest.raises(ValueError, match="must"):
        SizeLimits(max_image_size=cap, size_multiple=multiple)
