"""A hint if two classes that mirroring may have made one are confused with each other."""

import torch
from torch import Tensor

from trainer.evaluation.record import Counts
from trainer.fit.request import TrainRequest

# Mirror images are guessed: half of each class is taken for the other one.
CONFUSED = 0.3
# Share of the images of both that are taken for one of the two. A network that is still bad at all
# classes has a lower one, and then mirroring is not the reason.
WITHIN_PAIR = 0.75
FEWEST_IMAGES = 10


def mirror_hint(request: TrainRequest, confusion: Counts | None) -> str | None:
    """Return a hint that --no-flip may help, or None.

    Args:
        request: The training.
        confusion: Images of its last evaluation by true class (rows) and predicted class
            (columns); None if there is no such matrix.
    """
    if confusion is None or not request.mirror:
        return None
    pair = confused_pair(torch.tensor(confusion))
    if pair is None:
        return None
    one, other = (request.images.class_names[label] for label in pair)
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
