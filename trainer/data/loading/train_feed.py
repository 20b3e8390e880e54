"""Batches of training steps, read ahead in a thread and augmented on the device."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import KW_ONLY, dataclass, field
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.augment.basic import cutout, flip
from trainer.augment.mixing import mix
from trainer.augment.randaugment import randaugment
from trainer.augment.resized_crop import random_resized_crop
from trainer.data.labels import NO_LABEL
from trainer.data.loading.order import ImageOrder, seed_of
from trainer.data.loading.pixels import PixelStore
from trainer.preprocessing import normalise, resized
from trainer.recipes.config import AugmentSettings
from trainer.schedule import Phase


@dataclass(slots=True, eq=False)
class TrainFeed:
    """The images of each step as normalised batches with targets, augmented as in the phase.

    Order and augmentation depend only on (seed, step, part), so there is no state to save. It is
    a context manager, because a thread reads one step ahead.

    Attributes:
        pixels: The training images.
        order: The order of the training images.
        augment: Settings of the augmentation.
        num_classes: Columns of the targets.
        mirror: Whether half of the images are mirrored.
        seed: Seed of the augmentation, >= 0.
        device: Device of the batches.
        rank: Rank of this process.
        wait_s: Seconds that the last step waited for its images.
    """

    pixels: PixelStore
    order: ImageOrder
    _: KW_ONLY
    augment: AugmentSettings
    num_classes: int
    mirror: bool
    seed: int
    device: torch.device
    rank: int = 0
    wait_s: float = field(init=False, default=0.0)
    _reader: ThreadPoolExecutor = field(init=False)
    _ahead: dict[int, Future[tuple[Tensor, Tensor]]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="train-feed")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.shutdown(wait=False, cancel_futures=True)

    def batches(
        self, step: int, phase: Phase, accumulation: int
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield this process's images of a 0-based step in `accumulation` parts, >= 1.

        The parts have nearly equal size; the phase gives image size and regularisation.

        Yields:
            Images (batch, 3, size, size), float32 in [-1, 1], channels_last, and targets
            (batch, classes), float32 rows that sum to 1, both on the device.
        """
        started = time.perf_counter()
        pixels, labels = self._read(step).result()
        self.wait_s = time.perf_counter() - started
        self._ahead = {step + 1: self._read(step + 1)}
        generator = torch.Generator(device=self.device)
        parts = zip(
            pixels.tensor_split(accumulation), labels.tensor_split(accumulation), strict=True
        )
        for number, part in enumerate(parts, start=self.rank * accumulation):
            generator.manual_seed(seed_of(self.seed, step, number))
            images, classes = self.pixels.to_device(*part)
            targets = class_targets(classes, self.num_classes)
            images, targets = self._augmented(images, targets, phase, generator)
            yield images.contiguous(memory_format=torch.channels_last), targets

    def _read(self, step: int) -> Future[tuple[Tensor, Tensor]]:
        """Return the future images of `step`, which may have been read ahead."""
        known = self._ahead.get(step)
        return known or self._reader.submit(lambda: self.pixels.read(self.order.positions(step)))

    def _augmented(
        self, images: Tensor, targets: Tensor, phase: Phase, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        crop = self.augment.crop
        if crop is not None:
            images = random_resized_crop(
                images, phase.image_size, generator, scale=crop.scale, ratio=crop.ratio
            )
        else:
            images = resized(images, phase.image_size)
        if self.mirror:
            images = flip(images, generator)
        if phase.randaug_magnitude > 0:
            layers = self.augment.randaug_layers
            images = randaugment(images, phase.randaug_magnitude, generator, layers=layers)
        if self.augment.cutout > 0:
            images = cutout(images, self.augment.cutout, generator, fill=None)
        return mix(
            normalise(images),
            targets,
            generator,
            mixup_alpha=phase.mixup_alpha,
            cutmix_alpha=phase.cutmix_alpha,
        )


def class_targets(labels: Tensor, num_classes: int) -> Tensor:
    """Return targets (batch, num_classes), float32 in [0, 1], whose rows sum to 1.

    The labels are (batch,) int64 class positions; or (batch, k) with the positions of all
    classes of an image without duplicates, padded by -1.

    Source: google/automl efficientnetv2/datasets.py divides ImageNet-21k's labels by their sum.
    """
    if labels.ndim == 1:
        return F.one_hot(labels, num_classes).float()
    known = (labels != NO_LABEL).float()
    targets = torch.zeros((len(labels), num_classes), device=labels.device)
    # The padding adds 0 to the first class.
    targets.scatter_add_(1, labels.clamp(min=0), known)
    return targets / known.sum(dim=1, keepdim=True)
