"""Access to decoded pixels by position: in the memory map, or on the GPU if they fit."""

import math

import torch
from torch import Tensor

from trainer.data.cache.images import ImageSplit
from trainer.data.labels import Indices


class PixelStore:
    """Selected images of a split, by their position in the selection.

    There are two methods, so that the first can run ahead in a thread: `read` uses the disk and
    host memory, `to_device` the device.

    Args:
        split: The split.
        indices: (count,) int64, the selected images of the split.
        device: Device of the batches.
        resident_bytes: Largest set of pixels to keep on a GPU.

    Raises:
        ValueError: If there are no indices.
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
        fits = len(indices) * math.prod(split.images.shape[1:]) <= resident_bytes
        self._resident = self._upload() if device.type == "cuda" and fits else None

    def __len__(self) -> int:
        return len(self._indices)

    def read(self, positions: Indices) -> tuple[Tensor, Tensor]:
        """Return pixels and labels of the images at `positions`, (n,) int64, both on the host.

        The pixels are (n, size, size, 3), uint8, or the positions if the pixels are on the GPU;
        the labels are (n,) int64, or (n, k) if images may have several classes.
        """
        labels = self._labels[positions]
        if self._resident is not None:
            return torch.from_numpy(positions), labels
        # Fancy indexing copies from the read-only map, so the batch is writable.
        pixels = torch.from_numpy(self._split.images[self._indices[positions]])
        if self._device.type == "cuda":
            pixels = pixels.pin_memory()
        return pixels, labels

    def to_device(self, pixels: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Move `read`'s results to the device; pixels as (n, 3, size, size), channels_last."""
        pixels = pixels.to(self._device, non_blocking=True)
        if self._resident is not None:
            pixels = self._resident[pixels]
        return pixels.permute(0, 3, 1, 2), labels.to(self._device, non_blocking=True)

    def _upload(self) -> Tensor:
        shape = (len(self._indices), *self._split.images.shape[1:])
        resident = torch.empty(shape, dtype=torch.uint8, device=self._device)
        rows = max(1, 2**28 // math.prod(shape[1:]))  # in chunks, to save host memory
        for start in range(0, len(self._indices), rows):
            chunk = self._split.images[self._indices[start : start + rows]]
            resident[start : start + rows] = torch.from_numpy(chunk).to(self._device)
        return resident
