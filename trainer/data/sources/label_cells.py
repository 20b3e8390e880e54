"""Labels in the cells of a table: the separator, and signs of another tool's separator."""

import re
from collections import Counter
from collections.abc import Sequence

SEPARATOR = ";"
# Separators of other tools. No class is called "x|y", but some are called "cat, black".
SEPARATORS = ("|", ",", "/", "+", "&", "\t", "\n", " ")
NEVER_IN_NAMES = ("|", "\t", "\n")
MISSING = ("nan", "none", "null", "<na>")
WHOLE = re.compile(r"-?\d+(\.0*)?")


def separator_notes(place: str, label_sets: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Check that no label looks like several labels with another separator than the semicolon.

    Args:
        place: The table, for the error message.
        label_sets: The labels of each image.

    Returns:
        A sentence if labels contain commas and nothing tells that these are separators.

    Raises:
        ValueError: If all parts of a label are labels of other images, or are parts of several
            labels with a separator that names do not contain.
    """
    labels = {label for names in label_sets for label in names}
    for label in sorted(labels):
        if label.startswith("[") and label.endswith("]"):
            raise ValueError(_message(place, label, "the brackets"))
    for mark in SEPARATORS:
        joint = {label: _parts(label, mark) for label in labels if mark in label}
        joint = {label: parts for label, parts in joint.items() if len(parts) > 1}
        uses = Counter(part for parts in joint.values() for part in parts)
        for label, parts in sorted(joint.items()):
            known = [part in labels for part in parts]
            is_common = mark in NEVER_IN_NAMES and any(uses[part] > 1 for part in parts)
            # One "sea lion" may be a class next to "sea" and "lion".
            is_joint = all(known) and (mark != " " or len(joint) > 1)
            if is_joint or is_common or (mark in NEVER_IN_NAMES and any(known)):
                raise ValueError(_message(place, label, repr(mark)))
    if commas := sorted(label for label in labels if "," in label or "|" in label):
        return (
            f"the class {commas[0]!r} is one class; several labels of an image are separated by "
            f"semicolons",
        )
    return ()


def plain_labels(
    label_sets: Sequence[Sequence[str]],
) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Return labels without what pandas adds where a column has a missing value.

    Whole numbers are then written as ``1.0``, and missing ones as ``nan``. If all labels are
    numbers, ``1.0`` becomes ``1`` and ``nan`` no label. Among words, ``nan`` may be a class.

    Args:
        label_sets: The labels of each image.

    Returns:
        The labels of each image, and what the user should know, a sentence each.
    """
    labels = {label for names in label_sets for label in names}
    missing = {label for label in labels if label.lower() in MISSING}
    if all(WHOLE.fullmatch(label) for label in labels - missing):
        plain = {label: label.partition(".")[0] for label in labels - missing}
        return [tuple(plain[one] for one in names if one in plain) for names in label_sets], ()
    note = (
        (
            f"the class {min(missing)!r} is a class like others; if it means a missing label, "
            f"remove these rows"
        )
        if missing
        else ""
    )
    return [tuple(names) for names in label_sets], (note,) if note else ()


def _parts(label: str, mark: str) -> list[str]:
    return [part.strip() for part in label.split(mark) if part.strip()]


def _message(place: str, label: str, mark: str) -> str:
    return (
        f"{place}: the label {label!r} looks like several labels; the separator is the semicolon "
        f"(;), so replace {mark}"
    )
