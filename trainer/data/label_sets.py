"""Images of several classes each: their labels as rows of positions, padded to one length."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

# Fills the rows of images that have fewer classes than others.
NO_LABEL = -1

Labels = npt.NDArray[np.int64]


def padded(label_sets: Sequence[Sequence[int]]) -> Labels:
    """Return the classes of every image, each once and sorted, as one array.

    Args:
        label_sets: The positions of every image's classes, >= 0, in any order.

    Returns:
        (count, k), k the most classes of an image; shorter rows end in `NO_LABEL`.
    """
    rows = [sorted(set(labels)) for labels in label_sets]
    table = np.full((len(rows), max(map(len, rows), default=0)), NO_LABEL, dtype=np.int64)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return table


def is_multi_label(labels: Labels) -> bool:
    """Whether images may be of several classes: (count, k) and not (count,)."""
    return labels.ndim == 2
