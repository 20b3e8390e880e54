import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.toys.images import split_of
from trainer.data.cache.images import ImageSplit
from trainer.data.holdout import at_most, holdout, holdout_note, stratified

classes = st.lists(st.integers(2, 40), min_size=2, max_size=6)
seeds = st.integers(0, 1000)


def labels_of(counts: list[int], seed: int) -> list[int]:
    labels = np.repeat(np.arange(len(counts)), counts)
    return [int(label) for label in np.random.default_rng(seed).permutation(labels)]


@given(counts=classes, part=st.floats(0.01, 0.99), seed=seeds)
def test_parts_are_disjoint_complete_exact_and_hold_every_class(
    counts: list[int], part: float, seed: int
) -> None:
    split = split_of(labels_of(counts, seed))
    total, num_classes = sum(counts), len(counts)
    size = min(max(round(part * total), num_classes), total - num_classes)
    training, held_out = holdout(split, size=size, seed=seed)
    assert sorted([*training, *held_out]) == list(range(total))
    assert len(held_out) == size
    assert set(split.labels[training]) == set(split.labels[held_out]) == set(range(num_classes))


@given(counts=st.lists(st.integers(10, 60), min_size=2, max_size=6), seed=seeds)
def test_every_class_keeps_its_share_to_within_one_image(counts: list[int], seed: int) -> None:
    split = split_of(labels_of(counts, seed))
    _, held_out = holdout(split, size=0.25, seed=seed)
    for label, count in enumerate(counts):
        share = (split.labels[held_out] == label).sum()
        assert abs(share - count * len(held_out) / sum(counts)) <= 1


@given(
    groups=st.lists(st.integers(2, 8), min_size=2, max_size=4),
    copies=st.integers(1, 9),
    part=st.floats(0.2, 0.8),
    seed=seeds,
)
def test_a_group_is_never_split(groups: list[int], copies: int, part: float, seed: int) -> None:
    label_of_group = np.repeat(np.arange(len(groups)), groups)
    group = np.random.default_rng(seed).permutation(
        np.repeat(np.arange(len(label_of_group)), copies)
    )
    split = split_of(label_of_group[group].tolist(), group.tolist())
    size = min(max(round(part * len(group)), len(groups)), len(group) - len(groups))
    training, held_out = holdout(split, size=size, seed=seed)
    assert not set(group[training]) & set(group[held_out])
    assert len(training) + len(held_out) == len(group)
    assert set(split.labels[training]) == set(split.labels[held_out])


def test_with_groups_the_size_is_met_to_within_half_a_group_per_class() -> None:
    group = np.repeat(np.arange(40), 7)  # 20 groups of 7 images in each of 2 classes
    split = split_of((group // 20).tolist(), group.tolist())
    _, held_out = holdout(split, size=100, seed=0)
    assert len(held_out) == 98  # 50 a class: 7 groups, 49 images, are nearest


def test_the_seed_alone_decides() -> None:
    split = split_of(labels_of([30, 30], seed=5))
    first, again, other = (holdout(split, size=0.2, seed=seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_share_and_a_count_mean_the_same() -> None:
    split = split_of(labels_of([30, 30], seed=5))
    by_share, by_count = (holdout(split, size=size, seed=1)[1] for size in (0.2, 12))
    np.testing.assert_array_equal(by_share, by_count)


@pytest.mark.parametrize("size", [0, 60, -1, 0.0, 1.0, 1.5, 1, 59])
def test_a_size_that_leaves_a_side_without_a_class_is_rejected(size: float) -> None:
    with pytest.raises(ValueError, match="--holdout must be "):
        holdout(split_of([0] * 30 + [1] * 30), size=size, seed=0)


def test_a_count_below_one_of_each_class_names_the_flag_and_the_bounds() -> None:
    expected = "--holdout must be between 3 and 6 images, one of each of the 3 classes in both"
    with pytest.raises(ValueError, match=expected):
        holdout(split_of([0, 0, 0, 1, 1, 1, 2, 2, 2]), size=2, seed=0)


@pytest.mark.parametrize(("share", "held"), [(0.1, 20), (0.001, 20), (0.999, 140)])
def test_a_share_below_one_of_each_class_takes_one_of_each(share: float, held: int) -> None:
    split = split_of(labels_of([8] * 20, seed=3))
    training, held_out = holdout(split, size=share, seed=0)
    assert len(held_out) == held
    few = held_out if held == 20 else training
    assert sorted(split.labels[few]) == list(range(20))


def test_a_share_that_is_not_met_is_noted() -> None:
    split = split_of([label for label in range(20) for _ in range(8)])
    assert holdout_note(split, 0.1) == (
        "--holdout 0.1 of 160 images is 16, so one image of each of the 20 classes is held out: 20"
    )
    assert holdout_note(split, 0.95) == (
        "--holdout 0.95 leaves 8 of 160 images, so one image of each of the 20 classes is "
        "trained on"
    )
    assert holdout_note(split, 0.25) is None
    assert holdout_note(split, 30) is None


def test_a_class_that_cannot_be_split_is_rejected_by_its_name() -> None:
    labels, names = np.array([0, 0, 0, 1]), ("cat", "dog")
    with pytest.raises(ValueError, match="class 'dog' has 1 training image; one of every class"):
        stratified(labels, size=2, seed=0, class_names=names)
    labels, groups = np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2])
    with pytest.raises(
        ValueError, match="class 'dog' has 2 training images, which are copies of each"
    ):
        stratified(labels, groups=groups, size=2, seed=0, class_names=names)


@given(counts=st.lists(st.integers(1, 30), min_size=1, max_size=6), part=st.floats(0, 1))
def test_a_limit_on_images_is_never_exceeded_and_keeps_every_class(
    counts: list[int], part: float
) -> None:
    labels = np.array(labels_of([*counts, 2], seed=1))
    count = max(len(counts) + 1, int(part * (len(labels) - 1)))
    chosen = at_most(labels, count=count, seed=0)
    assert len(set(chosen)) == len(chosen) <= count
    assert set(labels[chosen]) == set(range(len(counts) + 1))
    if count <= len(labels) - len(counts) - 1:  # else some class would have to give its last one
        assert len(chosen) == count


def test_a_limit_below_one_image_of_each_class_names_the_flag() -> None:
    with pytest.raises(ValueError, match="--max-images must be at least 3, one of each class, go"):
        at_most(np.array([0, 0, 1, 1, 2, 2]), count=2, seed=0)


@given(count=st.integers(2, 60), part=st.floats(0.05, 0.95), seed=seeds)
def test_images_of_several_classes_are_held_out_without_regard_to_classes(
    count: int, part: float, seed: int
) -> None:
    labels = np.array([[i, i + 1] for i in range(count)])  # stratification by class is impossible
    split = ImageSplit(images=split_of([0] * count).images, labels=labels)
    size = min(max(round(part * count), 1), count - 1)
    training, held_out = holdout(split, size=size, seed=seed)
    assert len(held_out) == size
    assert sorted([*training, *held_out]) == list(range(count))
    assert holdout(split, size=size, seed=seed)[1].tolist() == held_out.tolist()
