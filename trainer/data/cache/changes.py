"""What changed between the images that a run began with and those of now, in words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainer.config import ReadingConfig
from trainer.data.cache.images import (
    DECODING_VERSION,
    META_NAME,
    CachedImages,
    array_file,
    cache_name,
)
from trainer.data.labels import Indices

LISTED = 3  # classes that are named
TRAINING = "training"
Counts = Mapping[str, Mapping[str, int]]  # by split and class


def what_changed(
    images: CachedImages, reading: ReadingConfig, *, cache: str, recorded: Mapping[str, Any]
) -> str:
    """Return how images of another cache folder differ from `images`, as far as this is known.

    Args:
        images: The images of now.
        reading: How they are found and made square.
        cache: Name or path of the cache folder that the run began with, which may be gone.
        recorded: What the run wrote down of its images: ``counts`` by split, ``classes``,
            ``reading``.
    """
    name = Path(cache).name
    if decoded_by_other_version(images, reading, name):
        return "an earlier version of this program decoded the same files to other pixels"
    size, _, has_size = name.partition("px-")
    if has_size and size != str(images.image_size):
        return f"they are decoded at {images.image_size} px now, and were at {size} px"
    if changed := _changed_flags(recorded.get("reading"), reading):
        return changed
    now = _counts(images)
    before = _counts_of_folder(images.path.parent / name)
    if before is not None:
        changes = _changes_of_classes(before, now)
    else:
        counts = {split: sum(classes.values()) for split, classes in now.items()}
        changes = _changes_of_splits(recorded.get("counts"), counts)
        changes += _changes_of_names(recorded.get("classes"), images.class_names)
    if changes:
        return "; ".join(changes)
    return (
        "there are as many as before, and at least one has other content, another name or "
        "another class"
    )


def decoded_by_other_version(images: CachedImages, reading: ReadingConfig, name: str) -> bool:
    """Return whether the cache folder `name` has the same files, decoded by another version."""
    return any(
        name == cache_name(images.content, images.image_size, reading, version)
        for version in range(1, DECODING_VERSION + 2)
        if version != DECODING_VERSION
    )


def describe(images: CachedImages) -> str:
    """Return the numbers of images and classes in words."""
    counts = [f"{len(split)} {_adjective(name)}" for name, split in images.splits.items()]
    return f"{' and '.join(counts)} images of {images.num_classes} classes"


def _changed_flags(before: object, reading: ReadingConfig) -> str:
    """Return the settings of the reading that are others now; `before` has the other ones."""
    if not isinstance(before, Mapping):
        return ""
    now, usual = reading.model_dump(exclude={"strict"}), ReadingConfig().model_dump()
    changes = [
        f"--{name.replace('_', '-')} was {before.get(name, usual[name])} and is {value} now"
        for name, value in now.items()
        if before.get(name, usual[name]) != value
    ]
    return "; ".join(changes)


def _adjective(split: str) -> str:
    return TRAINING if split == "train" else split


def _counts(images: CachedImages) -> Counts:
    return {
        name: _by_class(split.labels, images.class_names) for name, split in images.splits.items()
    }


def _counts_of_folder(folder: Path) -> Counts | None:
    """Return the counts of another cache folder of any version; None if it cannot be read."""
    try:
        meta = json.loads((folder / META_NAME).read_text(encoding="utf-8"))
        return {
            split: _by_class(
                np.load(folder / array_file(split, "labels"), allow_pickle=False),
                meta["class_names"],
            )
            for split in meta["splits"]
        }
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _by_class(labels: Indices, class_names: Any) -> Mapping[str, int]:
    counts = np.bincount(labels[labels >= 0].ravel(), minlength=len(class_names))
    return {str(name): int(count) for name, count in zip(class_names, counts, strict=True)}


def _changes_of_classes(before: Counts, now: Counts) -> list[str]:
    """Return the changes of the splits' numbers, with the classes that they come from."""
    changes = []
    for split in {**now, **before}:
        old, new = before.get(split, {}), now.get(split, {})
        differing = [name for name in new if name in old and new[name] != old[name]]
        some = [f"class {name!r} {new[name]} instead of {old[name]}" for name in differing]
        if len(some) > LISTED:
            some = [*some[:LISTED], "..."]
        change = _change_of_split(split, sum(old.values()), sum(new.values()))
        if some and old and new:
            change = f"{change or f'{_adjective(split)} images'} ({', '.join(some)})"
        changes.append(change)
    names = _changes_of_names([*before.get("train", {})], [*now.get("train", {})])
    return [change for change in changes if change] + names


def _changes_of_splits(before: object, now: Mapping[str, int]) -> list[str]:
    if not isinstance(before, Mapping):
        return []
    changes = [
        _change_of_split(split, before.get(split, 0), now.get(split, 0))
        for split in {**now, **before}
    ]
    return [change for change in changes if change]


def _change_of_split(split: str, before: int, now: int) -> str:
    return f"{now} {_adjective(split)} images instead of {before}" if now != before else ""


def _changes_of_names(before: object, now: Any) -> list[str]:
    """Return the classes that are new or gone; `before` may be their number only."""
    if isinstance(before, int):
        return [f"{len(now)} classes instead of {before}"] if len(now) != before else []
    if not isinstance(before, list):
        return []
    changes = []
    for word, names in (("new", set(now) - set(before)), ("missing", set(before) - set(now))):
        if names:
            more = ["..."] if len(names) > LISTED else []
            some = [*map(repr, sorted(names)[:LISTED]), *more]
            changes.append(f"{word} {'class' if len(names) == 1 else 'classes'} {', '.join(some)}")
    return changes
