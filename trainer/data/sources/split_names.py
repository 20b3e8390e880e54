"""Names of splits: one rule for folders, files, columns and the hub."""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import NamedTuple, TypeVar

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "eval": "validation",
    "evaluation": "validation",
    "test": "test",
    "testing": "test",
}
KNOWN = (
    "train or training; val, valid, validation, dev, eval or evaluation; test or testing, in "
    "upper or lower case"
)
# Names of the validation split that differ in meaning, in the order of preference.
VALIDATION_NAMES = (("val", "valid", "validation"), ("dev",), ("eval", "evaluation"))
# Of difflib: "tarin" and "tests" are near a known name, "extra" and "unlabeled" are not.
NEAR = 0.75
T = TypeVar("T")


class Splits(NamedTuple):
    """The names that a data set has for its splits.

    Attributes:
        names: Its name by split, in the order "train", "validation", "test".
        others: Its names that are names of no split, sorted.
        notes: What the user should know about the choice, a sentence each.
    """

    names: dict[str, str]
    others: list[str]
    notes: tuple[str, ...]


def split_of(name: str) -> str | None:
    """Return "train", "validation" or "test"; None if `name` is the usual name of no split."""
    return SPLIT_NAMES.get(name.strip().lower())


def find_splits(place: str, names: Iterable[str], *, can_rename: bool = True) -> Splits:
    """Return which of the names are which split; `place` has them, for error messages.

    A name that is nearly that of a missing split is an error, unless the user cannot rename it.

    A data set may have several of val (or valid, validation), dev, and eval (or evaluation). Then
    eval is the test split if there is none, because sets with train, dev and eval mean this; of
    the others the first one is the validation split, and the rest is ignored with a note.

    Raises:
        ValueError: If there are two names for one split, or one is nearly the name of a split.
    """
    by_split: dict[str, list[str]] = {}
    others = []
    for name in sorted(set(names)):
        if (split := split_of(name)) is not None:
            by_split.setdefault(split, []).append(name)
        else:
            others.append(name)
    for name in others if can_rename else ():
        near = nearest_split(name)
        if near is not None and split_of(near) not in by_split:
            raise ValueError(
                f"{place} has {name!r}, which is no name of a split; did you mean {near}? "
                f"Splits are called {KNOWN}"
            )
    notes = _one_validation_split(by_split)
    for split, same in by_split.items():
        if len(same) > 1:
            raise ValueError(
                f"{place} has two {split} splits, {same[0]} and {same[1]}; rename or remove one"
            )
    return Splits(
        in_split_order({split: same[0] for split, same in by_split.items()}), others, notes
    )


def _one_validation_split(by_split: dict[str, list[str]]) -> tuple[str, ...]:
    """Leave one name of the validation split if several differ in meaning; return notes."""
    names = by_split.get("validation", [])
    meanings = [
        [name for name in names if name.strip().lower() in same] for same in VALIDATION_NAMES
    ]
    present = [same[0] for same in meanings if same]
    if len(present) != len(names) or len(names) < 2:  # one name, or two of one meaning
        return ()
    notes: tuple[str, ...] = ()
    chosen, *rest = present
    if meanings[-1] and "test" not in by_split:
        last = rest.pop()
        by_split["test"] = [last]
        notes = (f"{last} is taken as the test split, because {chosen} is validation",)
    by_split["validation"] = [chosen]
    if not rest:
        return notes
    verb = "is" if len(rest) == 1 else "are"
    return (*notes, f"{chosen} is the validation split, and {' and '.join(rest)} {verb} ignored")


def nearest_split(name: str) -> str | None:
    """Return the known name that `name` is nearly, such as train for "trian" or "train_set".

    It is None for names that are not like any, and for the known names themselves.
    """
    lower = name.strip().lower()
    if lower in SPLIT_NAMES:
        return None
    words = [word for word in re.split(r"[^a-z]+", lower) if word in SPLIT_NAMES]
    close = get_close_matches(lower, SPLIT_NAMES, n=1, cutoff=NEAR) if len(lower) > 3 else []
    return next(iter([*words, *close]), None)


def in_split_order(by_split: Mapping[str, T]) -> dict[str, T]:
    """Return the values of "train", "validation" and "test" in this order, if present."""
    return {name: by_split[name] for name in ("train", "validation", "test") if name in by_split}
