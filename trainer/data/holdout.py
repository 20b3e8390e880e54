"""The part of a training split that measures accuracy: the paper's "minival"."""

import numpy as np

from trainer.data.cache.images import ImageSplit
from trainer.data.label_sets import is_multi_label
from trainer.data.stratified import Indices, stratified


def holdout(split: ImageSplit, *, size: int | float, seed: int) -> tuple[Indices, Indices]:
    """Split into training and held-out indices, class by class and never through a group.

    Both parts keep the shares of the classes to within one image, or one group where the split
    has groups, and both hold every class; where images may be of several classes they are drawn
    without regard to them. The same arguments give the same parts.

    Args:
        split: Usually the training split.
        size: Held-out images: a count, or a share in (0, 1). Exact without groups.
        seed: Of the draw, >= 0.

    Returns:
        Training indices and held-out indices, each sorted; together they are all.

    Raises:
        ValueError: If `size` leaves a class without an image on either side.

    Source: EfficientNetV2 (arXiv:2104.00298), section 5.1: accuracy of the search is measured
    on images that are held out from the training set, not on the validation set.
    """
    labels = split.labels
    if is_multi_label(labels):
        labels = np.zeros(len(labels), dtype=np.int64)  # all alike
    taken = stratified(labels, groups=split.groups, size=size, seed=seed)
    rest = np.setdiff1d(np.arange(len(split.labels)), taken, assume_unique=True)
    return rest.astype(np.int64), taken
