"""Labels in the cells of a table: the separator, and signs of another tool's separator."""

from collections import Counter
from collections.abc import Sequence

SEPARATOR = ";"
# Separators of other tools. No class is called "x|y", but some are called "cat, black".
SEPARATORS = ("|", ",", "/", "+", "&", "\t", "\n", " ")
NEVER_IN_NAMES = ("|", "\t", "\n")


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


def _parts(label: str, mark: str) -> list[str]:
    return [part.strip() for part in label.split(mark) if part.strip()]


def _message(place: str, label: str, mark: str) -> str:
    return (
        f"{place}: the label {label!r} looks like several labels; the separator is the semicolon "
        f"(;), so replace {mark}"
    )
