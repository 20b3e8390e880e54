"""How good a network is on images that it was not trained on, each counted once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.config import Precision
from trainer.data.cache.images import ImageSplit
from trainer.data.loading.batches import normalise
from trainer.data.loading.pixels import Indices, PixelStore, resized
from trainer.data.loading.train_feed import class_targets
from trainer.device.precision import autocast

EVALUATION_BATCH = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Measured on every image once.

    Attributes:
        top1: Share of images whose class has the largest logit, in [0, 1]. Of an image of
            several classes any of them counts.
        top5: Share of images whose class is among the five largest (all, with fewer classes).
        loss: Mean cross-entropy, without label smoothing; of several classes with the targets
            of the training, each its even share.
        num_images: Images.
    """

    top1: float
    top5: float
    loss: float
    num_images: int


class EvaluationFeed:
    """Images of a split at one size, each once; several processes take every n-th each.

    Args:
        split: Where the images are.
        indices: (count,) which of them, over all processes.
        image_size: Side of the images, pixels.
        crop: Central share of the side that is kept before resizing, in (0, 1].
        device: Where batches are made.
        rank: This process.
        world_size: Processes.
    """

    def __init__(
        self,
        split: ImageSplit,
        indices: Indices,
        *,
        image_size: int,
        crop: float,
        device: torch.device,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        mine = indices[rank::world_size]
        self._pixels = PixelStore(split, mine, device) if len(mine) else None
        self._image_size, self._crop = image_size, crop

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield normalised images (batch, 3, size, size) and labels (batch,) or (batch, k)."""
        if self._pixels is None:
            return
        positions = torch.arange(len(self._pixels)).numpy()
        for start in range(0, len(positions), EVALUATION_BATCH):
            chosen = positions[start : start + EVALUATION_BATCH]
            images, labels = self._pixels.to_device(*self._pixels.read(chosen))
            side = images.shape[-1]
            kept = max(1, round(self._crop * side))
            low = (side - kept) // 2
            images = images[:, :, low : low + kept, low : low + kept]
            yield normalise(resized(images, self._image_size)), labels


def alone(sums: Tensor) -> Tensor:
    """Return the sums of the only process there is."""
    return sums


@torch.no_grad()
def evaluate_images(
    network: nn.Module,
    feed: EvaluationFeed,
    *,
    device: torch.device,
    precision: Precision,
    sum_over_processes: Callable[[Tensor], Tensor] = alone,
) -> Evaluation:
    """Return the accuracy of `network` on every image of `feed`, counting each once.

    Args:
        network: Left in the mode that it was in.
        feed: The images.
        device: The network's.
        precision: Arithmetic of the forward pass.
        sum_over_processes: Adds up a tensor of sums over all processes.

    Raises:
        ValueError: If there are no images in any process.
    """
    was_training = network.training
    network.eval()
    sums = torch.zeros(4, dtype=torch.float64, device=device)  # top-1, top-5, loss, images
    for images, labels in feed:
        with autocast(device, precision):
            logits = network(images)
        logits = logits.float()
        hits = _hits(logits.topk(min(5, logits.shape[1]), dim=1).indices, labels)
        sums[0] += hits[:, 0].sum()
        sums[1] += hits.any(dim=1).sum()
        one_class = labels.ndim == 1
        targets = labels if one_class else class_targets(labels, logits.shape[1])
        sums[2] += F.cross_entropy(logits, targets, reduction="sum")
        sums[3] += len(labels)
    network.train(was_training)
    top1, top5, loss, count = sum_over_processes(sums).tolist()
    if count == 0:
        raise ValueError("evaluation needs at least one image, got none")
    return Evaluation(
        top1=top1 / count, top5=top5 / count, loss=loss / count, num_images=int(count)
    )


def _hits(best: Tensor, labels: Tensor) -> Tensor:
    """Return where `best` (batch, 5) names a class of its image; -1, which fills rows, is none."""
    if labels.ndim == 1:
        return best == labels[:, None]
    return (best[:, :, None] == labels[:, None, :]).any(dim=2)
