"""The images of a step, and augmentation that depends only on seed and step."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.toys.training import recipe, stripes
from trainer.data.loading.order import ImageOrder
from trainer.data.loading.pixels import PixelStore
from trainer.data.loading.train_feed import TrainFeed, class_targets
from trainer.preprocessing import resized
from trainer.schedule import Phase

PHASE = Phase(image_size=12, dropout=0, randaug_magnitude=5, mixup_alpha=0.2, cutmix_alpha=0.2)


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 3))
def test_every_image_comes_once_in_every_epoch(count: int, batch: int, seed: int) -> None:
    order = ImageOrder(count, batch, seed=seed)
    steps = -(-2 * count // batch)
    row = np.concatenate([order.positions(step) for step in range(steps)])
    for epoch in range(2):
        assert sorted(row[epoch * count : (epoch + 1) * count]) == list(range(count))


@given(st.integers(4, 40), st.sampled_from((2, 3, 4)), st.integers(0, 20))
def test_processes_share_a_step_exactly(count: int, world_size: int, step: int) -> None:
    batch = 2 * world_size
    alone = ImageOrder(count, batch, seed=1).positions(step)
    shares = [
        ImageOrder(count, batch, seed=1, rank=rank, world_size=world_size).positions(step)
        for rank in range(world_size)
    ]
    assert np.concatenate(shares).tolist() == alone.tolist()


def test_the_order_of_a_step_does_not_depend_on_earlier_steps() -> None:
    walked, jumped = (ImageOrder(10, 4, seed=3) for _ in range(2))
    rows = [walked.positions(step).tolist() for step in range(9)]
    assert jumped.positions(8).tolist() == rows[8]
    assert jumped.positions(2).tolist() == rows[2]
    assert all(one != other for one, other in pairwise(rows))


def test_a_batch_that_does_not_divide_among_the_processes_is_rejected() -> None:
    with pytest.raises(ValueError, match="multiple of the 3 workers"):
        ImageOrder(10, 8, seed=0, world_size=3)


def feed(seed: int = 0, rank: int = 0) -> TrainFeed:
    split = stripes(20, 0)
    pixels = PixelStore(split, np.arange(20), torch.device("cpu"))
    return TrainFeed(
        pixels,
        ImageOrder(20, 8, seed=0),
        augment=recipe().augment,
        num_classes=3,
        mirror=True,
        seed=seed,
        device=torch.device("cpu"),
        rank=rank,
    )


def test_a_steps_images_depend_on_seed_step_and_rank_alone() -> None:
    with feed() as walked, feed() as jumped, feed(seed=1) as other, feed(rank=1) as second:
        for step in range(3):
            walk = list(walked.batches(step, PHASE, 1))
        (images, targets), (again, _) = walk[0], next(jumped.batches(2, PHASE, 1))
        assert torch.equal(images, again)
        assert not torch.equal(images, next(other.batches(2, PHASE, 1))[0])
        assert not torch.equal(images, next(second.batches(2, PHASE, 1))[0])
        assert images.shape == (8, 3, 12, 12)
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert float(images.abs().max()) <= 1.0
        torch.testing.assert_close(targets.sum(dim=1), torch.ones(8))


def test_a_step_in_parts_has_all_its_images() -> None:
    plain = Phase(image_size=16, dropout=0, randaug_magnitude=0, mixup_alpha=0)
    with feed() as parts, feed() as whole:
        targets = torch.cat([targets for _, targets in parts.batches(4, plain, 3)])
        assert torch.equal(targets, next(whole.batches(4, plain, 1))[1])


def test_targets_of_several_classes_sum_to_one() -> None:
    one = class_targets(torch.tensor([2, 0]), 3)
    assert one.tolist() == [[0, 0, 1], [1, 0, 0]]
    several = class_targets(torch.tensor([[0, 2, -1, -1], [3, -1, -1, -1], [0, 1, 2, 3]]), 4)
    assert several.tolist() == [[0.5, 0, 0.5, 0], [0, 0, 0, 1], [0.25] * 4]


def test_resizing_keeps_dtype_and_mean() -> None:
    image = torch.full((1, 3, 16, 16), 7, dtype=torch.uint8)
    smaller = resized(image, 8)
    assert smaller.dtype == torch.uint8
    assert smaller.shape == (1, 3, 8, 8)
    assert smaller.unique().tolist() == [7]
    assert resized(image, 16) is image
