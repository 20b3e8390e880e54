import numpy as np
import pytest
import torch

from tests.toys.images import split_of
from trainer.data.loading.batches import Batches
from trainer.preprocessing import normalise

CPU = torch.device("cpu")


def make(count: int = 10, *, batch_size: int = 4, seed: int = 0, train: bool = True) -> Batches:
    labels = list(range(count))
    return Batches(
        split_of(labels),
        np.arange(count),
        device=CPU,
        batch_size=batch_size,
        seed=seed,
        train=train,
    )


def order(batches: Batches, epoch: int) -> list[int]:
    return [int(label) for _, labels in batches.epoch(epoch) for label in labels]


def test_the_order_is_a_function_of_seed_and_epoch_alone() -> None:
    assert order(make(seed=1), 3) == order(make(seed=1), 3)
    orders = {tuple(order(make(40, seed=seed), epoch)) for seed in (1, 2) for epoch in (0, 1)}
    assert len(orders) == 4
    batches = make(seed=1)
    order(batches, 0)  # an earlier epoch has no effect
    assert order(batches, 3) == order(make(seed=1), 3)


def test_training_drops_the_last_partial_batch() -> None:
    batches = make(10, batch_size=4)
    sizes = [len(labels) for _, labels in batches.epoch(0)]
    assert sizes == [4, 4]
    assert batches.steps_per_epoch == 2
    assert len(set(order(batches, 0))) == 8  # no image twice


def test_training_keeps_a_partial_batch_that_is_the_only_one() -> None:
    batches = make(3, batch_size=4)
    assert batches.steps_per_epoch == 1
    assert sorted(order(batches, 0)) == [0, 1, 2]


def test_evaluation_sees_every_image_once_and_in_order() -> None:
    batches = make(10, batch_size=4, train=False)
    assert order(batches, 0) == order(batches, 7) == list(range(10))
    assert batches.steps_per_epoch == 3


def test_images_and_labels_belong_together_and_to_the_chosen_indices() -> None:
    chosen = np.array([2, 5, 9, 11, 30])
    batches = Batches(split_of(list(range(40))), chosen, device=CPU, batch_size=2)
    seen = []
    for images, labels in batches.epoch(0):
        levels = ((images[:, 0, 0, 0] + 1) * 127.5).round().long()
        assert torch.equal(levels, labels)  # image i is filled with i and labelled i
        seen.extend(labels.tolist())
    assert len(seen) == 4
    assert set(seen) <= set(chosen.tolist())


def test_batches_are_normalised_floats_in_channels_last() -> None:
    images, labels = next(make(train=False).epoch(0))
    assert images.shape == (4, 3, 8, 8)
    assert images.dtype == torch.float32
    assert labels.dtype == torch.int64
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_black_is_minus_one_white_is_one() -> None:
    pixels = torch.tensor([0, 255], dtype=torch.uint8)
    assert normalise(pixels).tolist() == [-1.0, 1.0]
    assert pixels.tolist() == [0, 255]


def test_augmented_epochs_repeat_exactly_and_differ_from_each_other() -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    split = split_of([0] * 20)
    split = type(split)(images=images, labels=split.labels)
    batches = Batches(split, np.arange(20), device=CPU, batch_size=20, flip=True, crop_padding=2)
    (first, _), (again, _), (other, _) = (next(batches.epoch(epoch)) for epoch in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("count", "batch_size", "seed", "message"),
    [
        (4, 0, 0, "Batches.batch_size must be >= 1, got 0"),
        (0, 4, 0, "PixelStore.indices must name at least one image"),
        (4, 4, -1, "Batches.seed must be >= 0, got -1"),
    ],
)
def test_bad_settings_are_rejected(count: int, batch_size: int, seed: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(count, batch_size=batch_size, seed=seed)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("resident_bytes", [0, 2**30])
def test_a_gpu_yields_the_same_batches_resident_or_not(resident_bytes: int) -> None:
    device = torch.device("cuda")
    split, chosen = split_of(list(range(40))), np.arange(3, 40, 2)
    on_gpu = Batches(split, chosen, device=device, batch_size=4, resident_bytes=resident_bytes)
    on_cpu = Batches(split, chosen, device=CPU, batch_size=4)
    for (images, labels), (expected, wanted) in zip(on_gpu.epoch(1), on_cpu.epoch(1), strict=True):
        assert torch.equal(images.cpu(), expected)
        assert torch.equal(labels.cpu(), wanted)
