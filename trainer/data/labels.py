"""Labels of images as integer arrays, for one class or several classes per image."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

# Fills the rows of images that have fewer classes than others.
NO_LABEL = -1

Indices = npt.NDArray[np.int64]
Label = TypeVar("Label", int, str)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """The labels of a split.

    Attributes:
        codes: (count,) int64 positions in `class_names`; or (count, k) if images may have
            several classes, with rows padded by -1.
        class_names: The classes that occur.
    """

    codes: Indices
    class_names: tuple[str, ...]

    def recoded(self, name: str, split: str, class_names: Sequence[str]) -> Indices:
        """Return the codes, in the same shape, as positions in the training split's classes.

        The names of the data set and the split are for the error message. A class whose name has
        its accents in another coding is the same class: macOS writes them so into archives.

        Raises:
            ValueError: If the split has a class that the training split lacks.
        """
        positions = {class_name: label for label, class_name in enumerate(class_names)}
        composed = {_composed(class_name): label for class_name, label in positions.items()}
        for class_name in self.class_names:
            if class_name not in positions and _composed(class_name) in composed:
                positions[class_name] = composed[_composed(class_name)]
        if unknown := [one for one in self.class_names if one not in positions]:
            some = f"{len(unknown)} classes, first" if len(unknown) > 1 else "class"
            near = [one for one in positions if _plain(one) == _plain(unknown[0])]
            raise ValueError(
                f"{name}: split {split} has {some} {unknown[0]!r}, which the training split lacks"
                f"{f' (it has {near[0]!r})' if near else ''}"
            )
        # The last entry, at -1, keeps the padding.
        table = [*(positions[class_name] for class_name in self.class_names), NO_LABEL]
        return np.array(table, dtype=np.int64)[self.codes]


def similar_classes_note(class_names: Sequence[str]) -> str | None:
    """Return a sentence if classes have names that look the same, or None.

    Single letters are compared exactly, because "a" and "A" are classes of handwriting.
    """
    by_plain: dict[str, list[str]] = {}
    for name in class_names:
        by_plain.setdefault(_plain(name) if len(name) > 1 else name, []).append(name)
    same = [names for names in by_plain.values() if len(names) > 1]
    if not same:
        return None
    more = f" (and {len(same) - 1:,} more pairs)" if len(same) > 1 else ""
    one, other = same[0][:2]
    show = ascii if _composed(one) == _composed(other) else repr  # both look the same as they are
    return (
        f"classes {show(one)} and {show(other)}{more} have nearly the same name; if they are "
        f"one class, give them one name"
    )


def _composed(class_name: str) -> str:
    return unicodedata.normalize("NFC", class_name)


def _plain(class_name: str) -> str:
    """Return a name without the differences that are easily overlooked."""
    class_name = _composed(class_name)
    return "".join(class_name.casefold().replace("_", " ").replace("-", " ").split())


def encode(label_sets: Sequence[Sequence[Label]]) -> tuple[Indices, list[Label]]:
    """Return every image's labels as positions among the sorted labels that occur, and these.

    The positions are (count, k) int64, sorted and without duplicates, with k the most labels of
    an image; shorter rows end in `NO_LABEL`.
    """
    used = sorted({label for labels in label_sets for label in labels})
    positions = {label: position for position, label in enumerate(used)}
    rows = [sorted({positions[label] for label in labels}) for labels in label_sets]
    table = np.full((len(rows), max(map(len, rows), default=0)), NO_LABEL, dtype=np.int64)
    for i, row in enumerate(rows):
        table[i, : len(row)] = row
    return table, used


def is_multi_label(labels: Indices) -> bool:
    """Return whether images may have several classes: labels (count, k) and not (count,)."""
    return labels.ndim == 2
