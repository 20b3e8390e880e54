"""Evaluation of a network on images that it was not trained on, each counted once."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.config import Precision
from trainer.data.cache.images import ImageSplit
from trainer.data.labels import Indices
from trainer.data.loading.batches import normalise
from trainer.data.loading.pixels import PixelStore, resized
from trainer.data.loading.train_feed import class_targets
from trainer.device.precision import autocast
from trainer.fit.processes import Processes

EVALUATION_BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Accuracy and loss of a network.

    Attributes:
        top1: Share of images whose class has the largest logit, in [0, 1]. For an image with
            several classes, any of them counts.
        top5: Share of images whose class is among the five largest logits, in [0, 1]; among all
            of them if there are fewer classes.
        loss: Mean cross-entropy without label smoothing; an image with several classes has equal
            targets for each.
        num_images: Number of images.
    """

    top1: float
    top5: float
    loss: float
    num_images: int


class EvaluationFeed:
    """Batches of images of a split at one size; each of n processes takes every n-th image.

    Args:
        split: The images.
        indices: (count,) int64 positions in `split`, for all processes together.
        image_size: Side of the square images, pixels.
        crop: Central share of the side that is kept before resizing, in (0, 1].
        processes: This process, whose device gets the batches, and those that share the images.
    """

    def __init__(
        self,
        split: ImageSplit,
        indices: Indices,
        *,
        image_size: int,
        crop: float,
        processes: Processes,
    ) -> None:
        own = indices[processes.rank :: processes.size]
        self._pixels = PixelStore(split, own, processes.device) if len(own) else None
        self._image_size, self._crop = image_size, crop
        self.processes = processes

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches on the device.

        Yields:
            Images (batch, 3, size, size), float32 in [-1, 1], and labels, int64 (batch,) or
            (batch, k), see `ImageSplit`.
        """
        if self._pixels is None:
            return
        positions = np.arange(len(self._pixels))
        for start in range(0, len(positions), EVALUATION_BATCH):
            chosen = positions[start : start + EVALUATION_BATCH]
            images, labels = self._pixels.to_device(*self._pixels.read(chosen))
            side = images.shape[-1]
            kept = max(1, round(self._crop * side))
            low = (side - kept) // 2
            images = images[:, :, low : low + kept, low : low + kept]
            yield normalise(resized(images, self._image_size)), labels


@torch.no_grad()
def evaluate_images(network: nn.Module, feed: EvaluationFeed, precision: Precision) -> Evaluation:
    """Evaluate `network` on all images of `feed`, over all processes.

    Args:
        network: Maps images (batch, 3, size, size) to logits (batch, classes); its mode is
            restored.
        feed: The images.
        precision: Arithmetic of the forward pass.

    Raises:
        ValueError: If no process has an image.
    """
    processes, was_training = feed.processes, network.training
    network.eval()
    # top-1 hits, top-5 hits, loss, images
    sums = torch.zeros(4, dtype=torch.float64, device=processes.device)
    for images, labels in feed:
        with autocast(processes.device, precision):
            logits = network(images)
        logits = logits.float()
        hits = _hits(logits.topk(min(5, logits.shape[1]), dim=1).indices, labels)
        sums[0] += hits[:, 0].sum()
        sums[1] += hits.any(dim=1).sum()
        targets = labels if labels.ndim == 1 else class_targets(labels, logits.shape[1])
        sums[2] += F.cross_entropy(logits, targets, reduction="sum")
        sums[3] += len(labels)
    network.train(was_training)
    top1, top5, loss, count = processes.total(sums).tolist()
    if count == 0:
        raise ValueError("evaluation needs at least one image, got none")
    return Evaluation(
        top1=top1 / count, top5=top5 / count, loss=loss / count, num_images=int(count)
    )


def _hits(best: Tensor, labels: Tensor) -> Tensor:
    """Return which predictions `best` (batch, 5) are classes of their image, bool (batch, 5).

    Rows of `labels` (batch, k) are filled up with -1, which equals no prediction.
    """
    if labels.ndim == 1:
        return best == labels[:, None]
    return (best[:, :, None] == labels[:, None, :]).any(dim=2)
