"""The classifier of a file for the classes of a data set: its rows are matched by class name."""

import unicodedata
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

WEIGHT, BIAS = "classifier.weight", "classifier.bias"


def matched_rows(
    theirs: Mapping[str, Tensor],
    their_names: Sequence[str],
    ours: Mapping[str, Tensor],
    our_names: Sequence[str],
) -> tuple[dict[str, Tensor], str]:
    """Return a classifier for our classes, and a line that says what was matched.

    The row of a class is the file's row of the same name; a class that the file lacks keeps its
    own row. Names are compared in Unicode's form NFC, because some file systems decompose the
    names of class folders.

    Args:
        theirs: The file's weight (classes, channels) and bias (classes,).
        their_names: The file's classes, by row.
        ours: The network's weight and bias; they are not changed.
        our_names: Its classes, by row.

    Returns:
        An empty dict instead of the classifier if no class matches.
    """
    rows = {_normal(name): row for row, name in enumerate(their_names)}
    pairs = [(row, rows.get(_normal(name))) for row, name in enumerate(our_names)]
    matched = [(row, other) for row, other in pairs if other is not None]
    known = {_normal(name) for name in our_names}
    fresh = [name for name, (_, other) in zip(our_names, pairs, strict=True) if other is None]
    unused = [name for name in their_names if _normal(name) not in known]
    if not matched:
        return {}, (
            f"classifier: none of the {len(our_names)} classes is in the file, which has "
            f"{_some(unused)}; it starts afresh"
        )
    parts = [f"classifier: {len(matched)} of {len(our_names)} classes matched by name"]
    if not fresh and not unused and list(their_names) != list(our_names):
        parts[0] += ", in another order"
    if fresh:
        parts.append(f"{_some(fresh)} {'starts' if len(fresh) == 1 else 'start'} afresh")
    if unused:
        verb = "is" if len(unused) == 1 else "are"
        parts.append(f"{_some(unused)} of the file {verb} left out")
    classifier = {}
    for name in (WEIGHT, BIAS):
        rows_of_ours = ours[name].clone()
        to, of = (torch.tensor(index) for index in zip(*matched, strict=True))
        rows_of_ours[to.to(rows_of_ours.device)] = theirs[name][of].to(rows_of_ours)
        classifier[name] = rows_of_ours
    return classifier, "; ".join(parts)


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _some(names: Sequence[str]) -> str:
    """Return the first three names and the number of the others."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
