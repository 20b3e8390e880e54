"""Finds the image and the label column of a table, and reads labels of any usual kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# What hub data sets write where a test set's labels are kept secret.
UNLABELLED = -1


IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = ("label", "labels", "fine_label")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """The labels of a split.

    Attributes:
        codes: (count,) positions in `class_names`.
        class_names: The classes that occur, in the order of their names or numbers.
    """

    codes: npt.NDArray[np.int64]
    class_names: tuple[str, ...]


def image_column(place: str, features: Mapping[str, Any]) -> str:
    """Return the column declared as images, or named as such.

    Args:
        place: Names the split, for errors.
        features: The table's feature of every column.

    Raises:
        ValueError: If there is none, or several without a usual name; lists the columns.
    """
    return _column(place, features, kind="Image", names=IMAGE_COLUMNS)


def label_column(place: str, features: Mapping[str, Any]) -> str:
    """Return the column declared as class labels, or named as such; see `image_column`.

    Raises:
        ValueError: If there is none, or several without a usual name; lists the columns.
    """
    return _column(place, features, kind="ClassLabel", names=LABEL_COLUMNS)


def read_labels(
    place: str, column: Any, names: Sequence[str] | None, *, may_be_unlabelled: bool
) -> Labels | None:
    """Return the labels of a column; None where the whole split is unlabelled and may be.

    A declared class without an image is left out, so a part of a large data set keeps only its
    own classes.

    Args:
        place: Names the split, for errors.
        column: Arrow array of whole numbers or strings.
        names: Class names by number, where they are declared.
        may_be_unlabelled: Whether a split without any label is passed over.

    Raises:
        ValueError: If a label is missing, out of range, or neither whole number nor word; the
            row is named.
    """
    values = column.to_pylist()
    missing = [value is None or value == UNLABELLED for value in values]
    if may_be_unlabelled and values and all(missing):
        return None
    if any(value is None for value in values):
        raise ValueError(f"{place}, row {values.index(None)}: there is no label")
    if not values:
        return Labels(codes=np.empty(0, np.int64), class_names=())
    kinds = {type(value) for value in values}
    if kinds not in ({int}, {str}):
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"{place}: labels must be whole numbers or words, got {found}")
    used, codes = np.unique(np.array(values), return_inverse=True)
    if names is None:
        class_names = tuple(str(value) for value in used.tolist())
    else:
        _check_range(place, values, len(names))
        class_names = tuple(names[value] for value in used.tolist())
    return Labels(codes=codes.astype(np.int64), class_names=class_names)


def _check_range(place: str, values: Sequence[int], num_classes: int) -> None:
    for row, value in enumerate(values):
        if not 0 <= value < num_classes:
            raise ValueError(
                f"{place}, row {row}: label must be in 0..{num_classes - 1}, got {value}"
            )


def _column(place: str, features: Mapping[str, Any], *, kind: str, names: Sequence[str]) -> str:
    typed = [column for column, feature in features.items() if type(feature).__name__ == kind]
    for candidates in (typed, list(features)):
        if usual := [name for name in names if name in candidates]:
            return usual[0]
        if len(typed) == 1:
            return typed[0]
    listed = ", ".join(features) or "none"
    word = "image" if kind == "Image" else "label"
    raise ValueError(f"{place} has no column known as the {word}; its columns are: {listed}")
