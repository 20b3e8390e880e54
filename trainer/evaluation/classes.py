"""Classes of a data set as outputs of a network that was trained on other images."""

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from search_space.checks import did_you_mean
from search_space.counted import counted
from trainer.data.cache.images import ImageSplit
from trainer.data.labels import NO_LABEL, Indices

LISTED = 5  # names in a message


def with_labels_of(
    split: ImageSplit, class_names: Sequence[str], outputs: Sequence[str], *, data: str
) -> ImageSplit:
    """Return the images with labels by output of a network; classes are matched by name.

    A class whose name has its accents in another coding is the same class.

    Args:
        split: The images.
        class_names: Names by their labels.
        outputs: Names by output of the network.
        data: Name of the data set, for the error message.

    Raises:
        ValueError: If an image has a class that the network does not know; names the classes.
    """
    if tuple(class_names) == tuple(outputs):
        return split
    places = {_composed(name): place for place, name in enumerate(outputs)}
    used = np.unique(split.labels[split.labels >= 0])
    unknown = [class_names[label] for label in used if _composed(class_names[label]) not in places]
    if unknown:
        near = did_you_mean(unknown[0], outputs)
        raise ValueError(
            f"{data} has images of {counted(len(unknown), 'class', 'classes')} that the model "
            f"does not know: {listed(unknown)}; it knows {listed(outputs)}{near}"
        )
    table = [*(places.get(_composed(name), NO_LABEL) for name in class_names), NO_LABEL]
    return replace(split, labels=np.array(table, dtype=np.int64)[split.labels])


def missing_note(labels: Indices, outputs: Sequence[str]) -> str | None:
    """Return a sentence if the network knows classes that no image has, or None.

    Args:
        labels: (count,) or (count, k) int64, by output of the network, padded by -1.
        outputs: Names by output of the network.
    """
    counts = np.bincount(labels[labels >= 0], minlength=len(outputs))
    missing = [name for name, count in zip(outputs, counts.tolist(), strict=True) if count == 0]
    if not missing:
        return None
    verb = "has" if len(missing) == 1 else "have"
    return (
        f"{len(missing)} of the {len(outputs)} classes of the model {verb} no image here: "
        f"{listed(missing)}"
    )


def listed(names: Sequence[str]) -> str:
    """Return the first names in quotes, and how many there are more."""
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(map(repr, names[:LISTED])) + more


def _composed(class_name: str) -> str:
    return unicodedata.normalize("NFC", class_name)
