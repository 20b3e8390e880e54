"""Batches straight from the decoded images: gathered, augmented and normalised on the device."""

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainer.augment.basic import flip, shift_crop
from trainer.augment.randaugment import randaugment
from trainer.data.cache.images import ImageSplit
from trainer.data.loading.pixels import PixelStore, resized


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Chosen images of a split, as normalised batches in an order that the seed decides.

    There are no loader processes: decoded pixels are gathered faster than they are trained on.
    On a GPU the chosen pixels are kept there as uint8 if they fit into `resident_bytes`;
    otherwise, and on a CPU, each batch is gathered from the memory map.

    Attributes:
        split: Where the images are.
        indices: (count,) which of them.
        device: Where batches are made.
        batch_size: Images per batch.
        seed: Of order and augmentation, >= 0; they are functions of (seed, epoch) alone.
        train: Shuffle, and drop a last batch that is not full unless it is the only one: every
            step then costs the same and no batch statistic rests on a few images. Otherwise
            every image comes once, in the order of `indices`.
        flip: Mirror half of the images.
        crop_padding: Random shift of up to so many pixels.
        size: Side to which images are resized on the device; None leaves them as decoded.
        randaug_magnitude: RandAugment's strength on training images; 0 turns it off.
        resident_bytes: Largest set of pixels to keep on a GPU.
    """

    split: ImageSplit
    indices: npt.NDArray[np.int64]
    _: KW_ONLY
    device: torch.device
    batch_size: int
    seed: int = 0
    train: bool = True
    flip: bool = False
    crop_padding: int = 0
    size: int | None = None
    randaug_magnitude: float = 0.0
    resident_bytes: int = 8 * 2**30
    _pixels: PixelStore = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise ValueError(f"Batches.batch_size must be >= 1, got {self.batch_size!r}")
        if len(self.indices) == 0:
            raise ValueError("Batches.indices must name at least one image, got none")
        if self.seed < 0:
            raise ValueError(f"Batches.seed must be >= 0, got {self.seed!r}")
        pixels = PixelStore(
            self.split, self.indices, self.device, resident_bytes=self.resident_bytes
        )
        object.__setattr__(self, "_pixels", pixels)

    @property
    def num_images(self) -> int:
        """Images that the batches draw from."""
        return len(self.indices)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        if self.train:
            return max(1, self.num_images // self.batch_size)
        return math.ceil(self.num_images / self.batch_size)

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the batches of an epoch.

        Args:
            epoch: Counted from 0; the order depends on it and not on earlier epochs.

        Yields:
            Images (batch, 3, size, size), float32 in [-1, 1], channels_last, and labels
            (batch,), int64, both on the device.
        """
        order, generator = self._order(epoch)
        for step in range(self.steps_per_epoch):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            pixels, labels = self._pixels.to_device(*self._pixels.read(chosen))
            if self.size is not None:
                pixels = resized(pixels, self.size)
            if self.flip:
                pixels = flip(pixels, generator)
            if self.crop_padding:
                pixels = shift_crop(pixels, self.crop_padding, generator)
            if self.randaug_magnitude > 0:
                pixels = randaugment(pixels, self.randaug_magnitude, generator)
            yield normalise(pixels), labels

    def _order(self, epoch: int) -> tuple[npt.NDArray[np.int64], torch.Generator]:
        """Return positions in `indices` and the augmentation's generator."""
        order_seed, augment_seed = np.random.SeedSequence([self.seed, epoch]).spawn(2)
        order = np.arange(self.num_images)
        if self.train:
            order = np.random.default_rng(order_seed).permutation(self.num_images)
        generator = torch.Generator(device=self.device)
        generator.manual_seed(int(augment_seed.generate_state(1, np.uint64)[0] >> np.uint64(1)))
        return order, generator


def normalise(pixels: Tensor) -> Tensor:
    """Map uint8 pixels to float32 in [-1, 1], keeping the memory format.

    Mean and standard deviation are 0.5 in every channel: the network's own input scale, the
    same for any kind of picture, so that no statistic of a data set travels with a model.

    Source: The released EfficientNetV2 code, (x - 128) / 128 (preprocessing.py), here with the
    exact midpoint 127.5.
    """
    return pixels.float().mul_(1 / 127.5).sub_(1.0)
