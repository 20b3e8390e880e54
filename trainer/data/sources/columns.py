"""The image and label columns of a table, and the labels in them."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any, Literal

from search_space.checks import require
from trainer.data.labels import NO_LABEL, Labels, encode

# What data sets of the hub contain where the labels of a test set are secret.
SECRET = (NO_LABEL, None)

# The feature type and the usual names of each column.
FEATURES = {"image": "Image", "label": "ClassLabel"}
USUAL_NAMES = {"image": ("image", "img"), "label": ("label", "labels", "fine_label")}


def find_column(
    place: str, features: Mapping[str, Any], content: Literal["image", "label"]
) -> str:
    """Return the column that is declared as images or as (lists of) class labels, or named so.

    `features` has the table's feature of every column; `place` is the split, for error messages.

    Raises:
        ValueError: If there is none, or several without a usual name; lists the columns.
    """
    feature, names = FEATURES[content], USUAL_NAMES[content]
    typed = [
        name
        for name, declared in features.items()
        if type(declared).__name__ == feature
        or feature == type(_element(declared)).__name__ == "ClassLabel"
    ]
    for candidates in (typed, list(features)):
        if usual := [name for name in names if name in candidates]:
            return usual[0]
        if len(typed) == 1:
            return typed[0]
    listed = ", ".join(features) or "none"
    raise ValueError(f"{place} has no column known as the {content}; its columns are: {listed}")


def read_labels(
    place: str, column: Any, names: Sequence[str] | None, *, may_be_unlabelled: bool
) -> Labels | None:
    """Return the labels of a column, or None if the whole split is unlabelled and may be.

    Declared classes without an image are left out, so that a part of a large data set has only
    its own classes. The classes are in the order of their names or numbers.

    Args:
        place: The split, for error messages.
        column: Arrow array of whole numbers or strings; or of lists of them, if images may have
            several classes. Repeated classes of a list count once. Whole numbers may be stored
            as floating-point numbers, and true and false are words.
        names: Class names by number, if they are declared.
        may_be_unlabelled: Whether a split without any label is ignored.

    Returns:
        Labels with codes (count,), or (count, k) for lists.

    Raises:
        ValueError: If a label is missing, out of range, or neither a whole number nor a string;
            the message names the row.
    """
    cells = column.to_pylist()
    in_lists = any(isinstance(cell, list) for cell in cells)
    label_sets = [
        [_plain(label) for label in ((cell or []) if in_lists else [cell])] for cell in cells
    ]
    is_unlabelled = all(label in SECRET for labels in label_sets for label in labels)
    if may_be_unlabelled and cells and is_unlabelled:
        return None
    for row, labels in enumerate(label_sets):
        if not labels or None in labels or (in_lists and NO_LABEL in labels):
            raise ValueError(f"{place}, row {row}: there is no label")
    kinds = {type(label) for labels in label_sets for label in labels}
    if kinds and kinds not in ({int}, {str}):
        found = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(f"{place}: labels must be whole numbers or words, got {found}")
    if names is not None:
        for row, labels in enumerate(label_sets):
            for label in labels:
                rule = f"in 0..{len(names) - 1}"
                require(0 <= label < len(names), f"{place}, row {row}: label", rule, label)
    codes, used = encode(label_sets)
    class_names = tuple(str(label) if names is None else names[label] for label in used)
    return Labels(codes=codes if in_lists else codes.reshape(-1), class_names=class_names)


def _plain(label: Any) -> Any:
    """Return a label as a whole number or a word where it has such a value, else unchanged.

    Tables that were written by pandas have whole numbers as floats if a label is missing.
    """
    if isinstance(label, bool):
        return str(label)
    if isinstance(label, float):
        return int(label) if label.is_integer() else None if isnan(label) else label
    return None if isinstance(label, str) and not label.strip() else label


def declared_names(feature: Any) -> list[str] | None:
    """Return the class names that a column of labels, or of lists of them, declares."""
    names: list[str] | None = getattr(_element(feature), "names", None)
    return names


def _element(feature: Any) -> Any:
    """Return the feature of a list's elements, and any other feature unchanged."""
    if isinstance(feature, list) and len(feature) == 1:
        return feature[0]
    return getattr(feature, "feature", feature)
