"""Evaluation of a network on images that it was not trained on, each counted once."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.config import Precision
from trainer.data.cache.images import ImageSplit
from trainer.data.labels import Indices
from trainer.data.loading.batches import Batches
from trainer.data.loading.train_feed import class_targets
from trainer.device.gate import DeviceGate
from trainer.device.precision import autocast
from trainer.device.turn import device_turn
from trainer.fit.processes import Processes

EVALUATION_BATCH = 128
TOP = 5


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


def evaluation_batches(
    split: ImageSplit,
    indices: Indices,
    processes: Processes,
    *,
    image_size: int,
    crop: float,
    batch_size: int = EVALUATION_BATCH,
) -> Batches | None:
    """Return the batches of this process, which takes every n-th image of n; None if it has none.

    Args:
        split: The images.
        indices: (count,) int64 positions in `split`, for all processes together.
        processes: This process, and those that share the images.
        image_size: Side of the square images, pixels.
        crop: Central share of the side that is kept before resizing, in (0, 1].
        batch_size: Images of a forward pass of this process.
    """
    own = indices[processes.rank :: processes.size]
    if len(own) == 0:
        return None
    return Batches(
        split,
        own,
        device=processes.device,
        batch_size=batch_size,
        train=False,
        crop=crop,
        size=image_size,
    )


@torch.no_grad()
def evaluate_images(
    network: nn.Module,
    batches: Batches | None,
    processes: Processes,
    precision: Precision,
    gate: DeviceGate | None = None,
) -> Evaluation:
    """Evaluate `network` on the images of all processes.

    Args:
        network: Maps images (batch, 3, size, size) to logits (batch, classes); its mode is
            restored.
        batches: The images of this process, see `evaluation_batches`.
        processes: This process, and those that have the other images.
        precision: Arithmetic of the forward pass.
        gate: Gate of this process's device, entered for each batch. A process that waits there
            keeps the others waiting at the end only: they exchange nothing before.

    Raises:
        ValueError: If no process has an image.
    """
    was_training = network.training
    network.eval()
    # top-1 hits, top-5 hits, loss, images
    sums = torch.zeros(4, dtype=torch.float64, device=processes.device)
    remaining = iter(()) if batches is None else batches.epoch(0)
    while True:
        with device_turn(processes.device, gate):
            batch = next(remaining, None)
            if batch is None:
                break
            images, labels = batch
            with autocast(processes.device, precision):
                logits = network(images)
            logits = logits.float()
            found = hits(logits.topk(min(TOP, logits.shape[1]), dim=1).indices, labels)
            sums[0] += found[:, 0].sum()
            sums[1] += found.any(dim=1).sum()
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


def hits(best: Tensor, labels: Tensor) -> Tensor:
    """Return which predictions `best` (batch, 5) are classes of their image, bool (batch, 5).

    Rows of `labels` (batch, k) are filled up with -1, which equals no prediction.
    """
    if labels.ndim == 1:
        return best == labels[:, None]
    return (best[:, :, None] == labels[:, None, :]).any(dim=2)
