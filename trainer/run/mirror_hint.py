"""A hint if two classes that mirroring may have made one are confused with each other."""

import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.data.loading.batches import Batches
from trainer.device.precision import autocast
from trainer.fit.request import TrainRequest

# The counts of all pairs of more classes would be large, and a pair among them says little.
MOST_CLASSES = 1000
# Mirror images are guessed: half of each class is taken for the other one.
CONFUSED = 0.3
# Share of the images of both that are taken for one of the two. A network that is still bad at all
# classes has a lower one, and then mirroring is not the reason.
WITHIN_PAIR = 0.75
FEWEST_IMAGES = 10


def mirror_hint(request: TrainRequest, network: nn.Module, batches: Batches | None) -> str | None:
    """Return a hint that --no-flip may help, or None.

    It evaluates the network once more, if training images were mirrored and have one class each.

    Args:
        request: The training, on one process.
        network: The network that was trained; its mode is restored.
        batches: All images of the evaluation.
    """
    names = request.images.class_names
    if batches is None or not request.mirror or len(names) > MOST_CLASSES:
        return None
    if request.images.multi_label:
        return None
    pair = confused_pair(_confusion(network, batches, request.precision, len(names)))
    if pair is None:
        return None
    one, other = (names[label] for label in pair)
    return (
        f"classes {one!r} and {other!r} are often taken for each other, and half of the training "
        "images were mirrored; if one looks like the other in a mirror, train with --no-flip"
    )


def confused_pair(counts: Tensor) -> tuple[int, int] | None:
    """Return the two classes that are most often taken for each other, if both often are.

    With more than two classes, the images of both must seldom be taken for a third one.

    Args:
        counts: (classes, classes) int64, images by true and by predicted class.
    """
    totals = counts.sum(dim=1)
    shares = counts / totals.clamp(min=1)[:, None]
    mutual = torch.minimum(shares, shares.T)
    within = shares + shares.diagonal()[:, None]  # [i, j]: images of i taken for i or j
    mutual[torch.minimum(within, within.T) < WITHIN_PAIR] = 0
    mutual.fill_diagonal_(0)
    mutual[totals < FEWEST_IMAGES] = 0
    mutual[:, totals < FEWEST_IMAGES] = 0
    best = int(mutual.argmax())
    if mutual.flatten()[best] < CONFUSED:
        return None
    return divmod(best, len(counts))


@torch.no_grad()
def _confusion(network: nn.Module, batches: Batches, precision: Precision, classes: int) -> Tensor:
    """Return (classes, classes) int64, the images by true and by predicted class."""
    was_training = network.training
    network.eval()
    device = next(network.parameters()).device
    counts = torch.zeros(classes * classes, dtype=torch.int64, device=device)
    for images, labels in batches.epoch(0):
        with autocast(device, precision):
            predicted = network(images).argmax(dim=1)
        counts += torch.bincount(labels * classes + predicted, minlength=classes * classes)
    network.train(was_training)
    return counts.reshape(classes, classes).cpu()
