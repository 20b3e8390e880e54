"""Decoded pixels by position: from the memory map, or from the GPU where they fit."""

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.data.cache.images import ImageSplit

Indices = npt.NDArray[np.int64]


class PixelStore:
    """Chosen images of a split, fetched by their position among the chosen.

    Fetching has two halves, so that the first can run ahead in a thread: `read` touches the
    disk and host memory, `to_device` the device.

    Args:
        split: Where the images are.
        indices: (count,) which of them.
        device: Where batches are made.
        resident_bytes: Largest set of pixels to keep on a GPU.

    Raises:
        ValueError: If there are no images.
    """

    def __init__(
        self,
        split: ImageSplit,
        indices: Indices,
        device: torch.device,
        *,
        resident_bytes: int = 8 * 2**30,
    ) -> None:
        if len(indices) == 0:
            raise ValueError("PixelStore.indices must name at least one image, got none")
        self._split, self._indices, self._device = split, indices, device
        self._labels = torch.from_numpy(split.labels[indices])
        image_bytes = math.prod(split.images.shape[1:])
        fits = len(indices) * image_bytes <= resident_bytes
        self._resident = self._upload() if device.type == "cuda" and fits else None

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, positions: Indices) -> tuple[Tensor, Tensor]:
        """Return uint8 pixels (count, size, size, 3) and labels, both on the host.

        The labels are (count,), or (count, k) where images may be of several classes.

        Where the pixels are on the GPU, their positions stand for them.
        """
        labels = self._labels[positions]
        if self._resident is not None:
            return torch.from_numpy(positions), labels
        # Fancy indexing copies out of the read-only map, so the batch may be written to.
        pixels = torch.from_numpy(self._split.images[self._indices[positions]])
        if self._device.type == "cuda":
            pixels = pixels.pin_memory()
        return pixels, labels

    def to_device(self, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `read` gave on the device: (count, 3, size, size) stored channels_last."""
        pixels = pixels.to(self._device, non_blocking=True)
        if self._resident is not None:
            pixels = self._resident[pixels]
        return pixels.permute(0, 3, 1, 2), labels.to(self._device, non_blocking=True)

    def _upload(self) -> Tensor:
        shape = (len(self._indices), *self._split.images.shape[1:])
        resident = torch.empty(shape, dtype=torch.uint8, device=self._device)
        rows = max(1, 2**28 // math.prod(shape[1:]))  # pieces: no second copy in host memory
        for start in range(0, len(self._indices), rows):
            piece = self._split.images[self._indices[start : start + rows]]
            resident[start : start + rows] = torch.from_numpy(piece).to(self._device)
        return resident


def resized(images: Tensor, size: int) -> Tensor:
    """Resize square images to `size`, antialiased; at their own size they come back as is."""
    if images.shape[-1] == size:
        return images
    resized = F.interpolate(images.float(), (size, size), mode="bilinear", antialias=True)
    return resized if images.is_floating_point() else resized.round_().to(images.dtype)
