"""Evaluation: accuracy and loss by hand, several classes, several processes."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.toys.gate import gate_in, is_held
from trainer.data.cache.images import ImageSplit
from trainer.data.labels import Indices
from trainer.data.loading.batches import Batches
from trainer.fit.evaluation import Evaluation, evaluate_images, evaluation_batches
from trainer.fit.processes import Processes


class Brightness(nn.Module):
    """Ranks first the class of the image's grey level, then the following classes."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, images: Tensor) -> Tensor:
        levels = (images.mean((1, 2, 3)) + 1) * 127.5
        distance = (torch.arange(self.classes) - levels[:, None]).round() % self.classes
        return -distance


def grey(levels: list[int], labels: list[int]) -> ImageSplit:
    images = np.broadcast_to(
        np.array(levels, dtype=np.uint8)[:, None, None, None], (len(levels), 8, 8, 3)
    )
    return ImageSplit(images=images.copy(), labels=np.array(labels, dtype=np.int64))


def evaluated(
    network: nn.Module, split: ImageSplit, chosen: Indices, processes: Processes | None = None
) -> Evaluation:
    processes = processes or Processes()
    batches = evaluation_batches(split, chosen, processes, image_size=8, crop=1.0)
    return evaluate_images(network, batches, processes, "fp32")


def test_top1_and_top5_by_hand() -> None:
    # Class 0 is right twice; the label is 3 ranks lower once (top 5), and 5 ranks once (not).
    split = grey([0, 0, 0, 0], [0, 0, 3, 5])
    found = evaluated(Brightness(8), split, np.arange(4))
    assert (found.top1, found.top5, found.num_images) == (0.5, 0.75, 4)


def test_every_batch_is_made_and_computed_in_a_turn_at_the_gate(tmp_path: Path) -> None:
    held: list[bool] = []

    class Watching(Brightness):
        def forward(self, images: Tensor) -> Tensor:
            held.append(is_held(tmp_path))
            return super().forward(images)

    class Watched(Batches):
        def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
            for batch in super().epoch(epoch):
                held.append(is_held(tmp_path))
                yield batch

    batches = Watched(
        grey([0, 0, 0], [0, 0, 1]),
        np.arange(3),
        device=torch.device("cpu"),
        batch_size=2,
        train=False,
    )
    with gate_in(tmp_path) as gate:
        found = evaluate_images(Watching(8), batches, Processes(), "fp32", gate)
        assert not is_held(tmp_path)
    assert held == [True] * 4
    assert found.num_images == 3
    assert found.top1 == pytest.approx(2 / 3)


def test_any_class_of_an_image_is_a_hit_and_its_classes_have_equal_targets() -> None:
    # Predicted: 0, then 1 to 4; of 8 classes 5, 6 and 7 are not among the best five.
    split = grey([0, 0, 0, 0], [])
    labels = np.array([[0, 6, -1], [3, 5, 6], [5, 7, -1], [0, -1, -1]])
    split = ImageSplit(images=split.images, labels=labels)
    found = evaluated(Brightness(8), split, np.arange(4))
    assert (found.top1, found.top5, found.num_images) == (0.5, 0.75, 4)
    # The logits are 0, -1, ..., -7, so the loss is the mean class number plus log(sum(e^-i)).
    scale = math.log(sum(math.exp(-i) for i in range(8)))
    means = [3, 14 / 3, 6, 0]
    assert found.loss == pytest.approx(sum(means) / 4 + scale, abs=1e-5)


def test_single_classes_in_both_label_formats_give_the_same_result() -> None:
    single = grey([0, 1, 2, 3], [0, 3, 2, 5])
    several = ImageSplit(images=single.images, labels=single.labels[:, None])
    one, other = (evaluated(Brightness(8), split, np.arange(4)) for split in (single, several))
    assert (one.top1, one.top5) == (other.top1, other.top5)
    assert one.loss == pytest.approx(other.loss, rel=1e-6)


@pytest.mark.parametrize("world_size", [2, 3, 5])
def test_sums_of_several_processes_equal_those_of_one(world_size: int) -> None:
    rng = np.random.default_rng(0)
    levels, labels = rng.integers(0, 6, 300).tolist(), rng.integers(0, 6, 300).tolist()
    split, chosen = grey(levels, labels), np.arange(3, 300 - 4)
    sums: list[Tensor] = []

    class Recording(Processes):
        def total(self, values: Tensor) -> Tensor:
            sums.append(values.clone())
            return values

    for size in (1, world_size):
        for rank in range(size):
            processes = Recording(rank=rank, size=size)
            evaluated(Brightness(6), split, chosen, processes)
    torch.testing.assert_close(torch.stack(sums[1:]).sum(0), sums[0], rtol=1e-6, atol=0)


def test_the_center_is_cropped_and_resized() -> None:
    split = grey([9], [0])
    split.images[0, 2:6, 2:6] = 200
    batches = evaluation_batches(split, np.arange(1), Processes(), image_size=6, crop=0.5)
    assert batches is not None
    ((images, _),) = batches.epoch(0)
    assert images.shape == (1, 3, 6, 6)
    torch.testing.assert_close(images, torch.full((1, 3, 6, 6), 200 / 127.5 - 1))


def test_the_mode_of_the_network_is_restored() -> None:
    network = Brightness(3).train()
    evaluated(network, grey([1], [1]), np.arange(1))
    assert network.training


def test_no_images_are_refused() -> None:
    class Second(Processes):
        def total(self, values: Tensor) -> Tensor:
            return values

    processes = Second(rank=1, size=2)
    with pytest.raises(ValueError, match="at least one image"):
        evaluated(Brightness(3), grey([1], [1]), np.arange(1), processes)
