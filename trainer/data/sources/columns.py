"""Finds the image and the label column of a table, and reads labels of any usual kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.data.label_sets import padded

# What hub data sets write where a test set's labels are kept secret.
UNLABELLED = -1
SECRET = (UNLABELLED, None)


IMAGE_COLUMNS = ("image", "img")
LABEL_COLUMNS = ("label", "labels", "fine_label")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Labels:
    """The labels of a split.

    Attributes:
        codes: (count,) positions in `class_names`; or (count, k) of a column of lists, filled up
            with -1.
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
    """Return the column declared as class labels or lists of them, or named as such.

    See `image_column`.

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
        column: Arrow array of whole numbers or strings, or of lists of them: images of several
            classes. A class that a list repeats counts once.
        names: Class names by number, where they are declared.
        may_be_unlabelled: Whether a split without any label is passed over.

    Raises:
        ValueError: If a label is missing, out of range, or neither whole number nor word; the
            row is named.
    """
    cells = column.to_pylist()
    in_lists = any(isinstance(cell, list) for cell in cells)
    label_sets = [(cell or []) if in_lists else [cell] for cell in cells]
    if (
        may_be_unlabelled
        and cells
        and all(label in SECRET for labels in label_sets for label in labels)
    ):
        return None
    for row, labels in enumerate(label_sets):
        if not labels or None in labels or (in_lists and UNLABELLED in labels):
            raise ValueError(f"{place}, row {row}: there is no label")
    rows = [row for row, labels in enumerate(label_sets) for _ in labels]
    coded = _coded(place, rows, [label for labels in label_sets for label in labels], names)
    if not in_lists:
        return coded
    borders = np.cumsum([len(labels) for labels in label_sets])[:-1]
    codes = padded([part.tolist() for part in np.split(coded.codes, borders)])
    return Labels(codes=codes, class_names=coded.class_names)


def _coded(
    place: str, rows: Sequence[int], values: Sequence[Any], names: Sequence[str] | None
) -> Labels:
    """Return the labels `values` of the images `rows` as positions among those that occur."""
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
        _check_range(place, rows, values, len(names))
        class_names = tuple(names[value] for value in used.tolist())
    return Labels(codes=codes.astype(np.int64), class_names=class_names)


def _check_range(place: str, rows: Sequence[int], values: Sequence[int], num_classes: int) -> None:
    for row, value in zip(rows, values, strict=True):
        if not 0 <= value < num_classes:
            raise ValueError(
                f"{place}, row {row}: label must be in 0..{num_classes - 1}, got {value}"
            )


def declared_names(feature: Any) -> list[str] | None:
    """Return the class names that a column of labels, or of lists of them, declares."""
    names: list[str] | None = getattr(_element(feature), "names", None)
    return names


def _kind(feature: Any) -> str:
    """Return the kind of a column; a list of class labels is a label column too."""
    kind = type(feature).__name__
    element = type(_element(feature)).__name__
    return element if element == "ClassLabel" else kind


def _element(feature: Any) -> Any:
    """Return what a list's feature is a list of, and any other feature as it is."""
    if isinstance(feature, list) and len(feature) == 1:
        return feature[0]
    return getattr(feature, "feature", feature)


def _column(place: str, features: Mapping[str, Any], *, kind: str, names: Sequence[str]) -> str:
    typed = [column for column, feature in features.items() if _kind(feature) == kind]
    for candidates in (typed, list(features)):
        if usual := [name for name in names if name in candidates]:
            return usual[0]
        if len(typed) == 1:
            return typed[0]
    listed = ", ".join(features) or "none"
    word = "image" if kind == "Image" else "label"
    raise ValueError(f"{place} has no column known as the {word}; its columns are: {listed}")
