"""Batches of decoded images for short trainings, augmented and normalised on the device."""

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field

import numpy as np
import torch
from torch import Tensor

from search_space.checks import require
from trainer.augment.basic import flip, shift_crop
from trainer.augment.randaugment import randaugment
from trainer.data.cache.images import ImageSplit
from trainer.data.labels import Indices
from trainer.data.loading.order import seed_of
from trainer.data.loading.pixels import PixelStore
from trainer.preprocessing import central_crop, normalise, resized


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Images of a split as normalised batches, in an order that depends on the seed.

    There are no loader processes, as gathering decoded pixels takes less time than training on
    them. On a GPU the pixels stay there as uint8 if they fit into `resident_bytes`; otherwise,
    and on a CPU, each batch is gathered from the memory map.

    Attributes:
        split: The split.
        indices: (count,) int64, the images of the split to use.
        device: Device of the batches.
        batch_size: Images per batch.
        seed: Seed of order and augmentation, >= 0; they depend only on (seed, epoch).
        train: Shuffle, and drop an incomplete last batch unless it is the only one: all steps
            then cost the same, and no batch statistic is computed from a few images. Otherwise
            every image comes once, in the order of `indices`.
        flip: Mirror half of the images.
        crop_padding: Largest random shift, pixels.
        crop: Central share of the side that is kept before resizing, in (0, 1].
        size: Side to which images are resized on the device; None keeps the decoded size.
        randaug_magnitude: RandAugment's magnitude; 0 turns it off.
        resident_bytes: Largest set of pixels to keep on a GPU.

    Raises:
        ValueError: If `batch_size` or `seed` is out of range, or there are no indices.
    """

    split: ImageSplit
    indices: Indices
    _: KW_ONLY
    device: torch.device
    batch_size: int
    seed: int = 0
    train: bool = True
    flip: bool = False
    crop_padding: int = 0
    crop: float = 1.0
    size: int | None = None
    randaug_magnitude: float = 0.0
    resident_bytes: int = 8 * 2**30
    _pixels: PixelStore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        require(self.batch_size >= 1, "Batches.batch_size", ">= 1", self.batch_size)
        require(self.seed >= 0, "Batches.seed", ">= 0", self.seed)
        resident = self.resident_bytes
        pixels = PixelStore(self.split, self.indices, self.device, resident_bytes=resident)
        object.__setattr__(self, "_pixels", pixels)

    @property
    def num_images(self) -> int:
        """Number of images."""
        return len(self.indices)

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches per epoch."""
        if self.train:
            return max(1, self.num_images // self.batch_size)
        return math.ceil(self.num_images / self.batch_size)

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of an epoch, 0-based; the order does not depend on earlier epochs.

        Yields:
            Images (batch, 3, size, size), float32 in [-1, 1], channels_last, and labels
            (batch,) or (batch, k), int64, see `ImageSplit`, both on the device.
        """
        order, generator = self._order(epoch)
        for step in range(self.steps_per_epoch):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            pixels, labels = self._pixels.to_device(*self._pixels.read(chosen))
            pixels = central_crop(pixels, self.crop)
            if self.size is not None:
                pixels = resized(pixels, self.size)
            if self.flip:
                pixels = flip(pixels, generator)
            if self.crop_padding:
                pixels = shift_crop(pixels, self.crop_padding, generator)
            if self.randaug_magnitude > 0:
                pixels = randaugment(pixels, self.randaug_magnitude, generator)
            yield normalise(pixels), labels

    def _order(self, epoch: int) -> tuple[Indices, torch.Generator]:
        """Return positions (num_images,) in `indices` and the augmentation's generator."""
        order = np.arange(self.num_images)
        if self.train:
            seeds = np.random.SeedSequence([self.seed, epoch], spawn_key=(0,))
            order = np.random.default_rng(seeds).permutation(order)
        generator = torch.Generator(device=self.device)
        generator.manual_seed(seed_of(self.seed, epoch, spawn_key=(1,)))
        return order, generator
