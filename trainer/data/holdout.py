"""Splitting off held-out images, stratified by class and never through a group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from trainer.data.labels import Indices, is_multi_label

FLAG = "--holdout"


class Labelled(Protocol):
    """Images with labels and groups, such as an `ImageSplit`."""

    @property
    def labels(self) -> Indices:
        """(count,) int64, the class of every image; (count, k) if images may have several."""

    @property
    def groups(self) -> Indices | None:
        """(count,) int64, equal for images that stay together; None if every image is alone."""


def holdout(
    split: Labelled, *, size: int | float, seed: int, class_names: Sequence[str] = ()
) -> tuple[Indices, Indices]:
    """Split images into training and held-out ones, and never divide a group; see `stratified`.

    Args:
        split: The images.
        size: Value of ``--holdout``; `holdout_note` tells if a share is not met.
        seed: Seed of the draw, >= 0.
        class_names: Names by label, for error messages.

    Returns:
        Training indices and held-out indices, each (n,) int64 and sorted; together they are all.

    Raises:
        ValueError: If a count leaves a class without an image in one of the parts, or a class
            has a single image or group.
    """
    return stratified(
        split.labels, groups=split.groups, size=size, seed=seed, class_names=class_names
    )


def holdout_note(split: Labelled, size: int | float) -> str | None:
    """Return a note if `holdout` does not meet the share `size`, because classes are small."""
    units = _Units.of(split.labels, split.groups)
    count, classes = len(split.labels), len(units.used)
    asked = round(size * count) if isinstance(size, float) else size
    wanted = _wanted(size, units)
    if wanted == asked:
        return None
    one = "one image is" if classes == 1 else f"one image of each of the {classes} classes is"
    if wanted > asked:
        return f"{FLAG} {size:g} of {count} images is {asked}, so {one} held out: {wanted}"
    return f"{FLAG} {size:g} leaves {count - asked} of {count} images, so {one} trained on"


def stratified(
    labels: Indices,
    *,
    size: int | float,
    seed: int,
    groups: Indices | None = None,
    class_names: Sequence[str] = (),
) -> tuple[Indices, Indices]:
    """Split images into training and held-out ones; the paper calls the latter "minival".

    Both parts keep the shares of the classes to within one image, or one group if there are
    groups, and both contain every class: a share that is less than one image of each class
    becomes one image of each. If images may have several classes, the draw ignores the classes.
    The same arguments give the same parts.

    Args:
        labels: (count,) int64, the class of every image; or (count, k) if images may have
            several classes.
        size: Held-out images: a count, or a share in (0, 1). Exact without groups.
        seed: Seed of the draw, >= 0.
        groups: (count,) int64; images with equal values stay together. A group counts for the
            class of its first image.
        class_names: Names by label, for error messages.

    Returns:
        Training indices and held-out indices, each (n,) int64 and sorted; together they are all.

    Raises:
        ValueError: If a count leaves a class without an image in one of the parts, or a class
            has a single image or group.

    Source: EfficientNetV2 (arXiv:2104.00298), section 5.1: accuracy of the search is measured
    on images that are held out from the training set, not on the validation set.
    """
    units = _Units.of(labels, groups)
    _require_two_of_each(units, class_names)
    return _drawn(units, _wanted(size, units), seed)


def at_most(labels: Indices, *, count: int, seed: int) -> Indices:
    """Return the positions of about `count` images, and never more, with every class.

    The classes keep their shares to within one image.

    Args:
        labels: (n,) int64, the class of every image, n > `count`.
        count: Value of ``--max-images``.
        seed: Seed of the draw, >= 0.

    Returns:
        Positions (at most `count`,) int64, sorted.

    Raises:
        ValueError: If `count` is less than one image of each class.
    """
    units = _Units.of(labels, None)
    low, high = units.bounds()
    if count < low:
        raise ValueError(f"--max-images must be at least {low}, one of each class, got {count}")
    return _drawn(units, min(count, high), seed)[1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Units:
    """Images that are drawn together, one unit for each group or image.

    Attributes:
        members: The images of each unit, positions.
        sizes: (units,) int64, their numbers.
        classes: (units,) int64, the class that each unit counts for.
        used: The classes of units, sorted.
    """

    members: Sequence[Indices]
    sizes: Indices
    classes: Indices
    used: Indices

    @classmethod
    def of(cls, labels: Indices, groups: Indices | None) -> "_Units":
        count = len(labels)
        classes = np.zeros(count, dtype=np.int64) if is_multi_label(labels) else labels
        order = np.arange(count) if groups is None else np.argsort(groups, kind="stable")
        borders = order[1:] if groups is None else np.flatnonzero(np.diff(groups[order])) + 1
        unit_classes = classes[order[np.append(0, borders)]]
        return cls(
            members=np.split(order, borders),
            sizes=np.diff(borders, prepend=0, append=count),
            classes=unit_classes,
            used=np.unique(unit_classes),
        )

    def totals(self) -> Indices:
        """Return the number of images of each used class."""
        return np.bincount(self.classes, weights=self.sizes)[self.used].astype(np.int64)

    def bounds(self) -> tuple[int, int]:
        """Return the fewest and the most images that leave one of every class in each part.

        A class with a single image is in the drawn part.
        """
        return len(self.used), int(np.maximum(self.totals() - 1, 1).sum())


def _require_two_of_each(units: _Units, class_names: Sequence[str]) -> None:
    counts = np.bincount(units.classes)[units.used]
    if counts.min() >= 2:
        return
    rarest = int(units.used[counts.argmin()])
    name = f"{class_names[rarest]!r}" if class_names else f"{rarest}"
    images = int(units.totals()[counts.argmin()])
    some = (
        "1 training image"
        if images == 1
        else f"{images} training images, which are copies of each other or of one group"
    )
    raise ValueError(
        f"class {name} has {some}; one of every class is held out and one is trained on, so add "
        "other images to it or remove it (nas-train holds none out if there is a validation split)"
    )


def _wanted(size: int | float, units: _Units) -> int:
    """Return the number of images to draw; a share is met as far as the classes allow it."""
    (low, high), total = units.bounds(), int(units.sizes.sum())
    if isinstance(size, float):
        if not 0 < size < 1:
            raise ValueError(f"{FLAG} must be a count or a share in (0, 1), got {size!r}")
        return min(max(round(size * total), low), high)
    if not low <= size <= high:
        one = "" if low == 1 else f", one of each of the {low} classes in both parts"
        raise ValueError(f"{FLAG} must be between {low} and {high} images{one}, got {size!r}")
    return size


def _drawn(units: _Units, wanted: int, seed: int) -> tuple[Indices, Indices]:
    by_class = np.argsort(units.classes, kind="stable")
    members = np.split(by_class, np.flatnonzero(np.diff(units.classes[by_class])) + 1)
    quotas = _quotas(units.totals(), wanted)
    rng = np.random.default_rng(seed)
    held_out: list[Indices] = []
    for units_of, quota in zip(members, quotas, strict=True):
        shuffled = units_of[rng.permutation(len(units_of))]
        # The number of units nearest to the quota, with at least one left of several.
        sums = np.cumsum(units.sizes[shuffled])[: max(1, len(shuffled) - 1)]
        nearest = int(np.abs(sums - quota).argmin()) + 1
        held_out.extend(units.members[unit] for unit in shuffled[:nearest])
    taken = np.sort(np.concatenate(held_out)).astype(np.int64)
    everything = np.arange(int(units.sizes.sum()))
    return np.setdiff1d(everything, taken, assume_unique=True).astype(np.int64), taken


def _quotas(totals: Indices, wanted: int) -> Indices:
    """Distribute `wanted` by largest remainder, from 1 to all but one of every class."""
    most = np.maximum(totals - 1, 1)
    exact = totals * (wanted / totals.sum())
    quotas: Indices = np.clip(np.floor(exact), 1, most).astype(np.int64)
    while (missing := wanted - int(quotas.sum())) != 0:
        step = 1 if missing > 0 else -1
        has_room = (quotas < most) if step > 0 else (quotas > 1)
        gain = np.where(has_room, step * (exact - quotas), -np.inf)
        best = np.argsort(-gain, kind="stable")[: min(abs(missing), int(has_room.sum()))]
        quotas[best] += step
    return quotas
