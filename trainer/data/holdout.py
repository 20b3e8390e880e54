"""Splitting off held-out images, stratified by class and never through a group."""

from typing import Protocol

import numpy as np

from search_space.checks import require
from trainer.data.labels import Indices, is_multi_label


class Labelled(Protocol):
    """Images with labels and groups, such as an `ImageSplit`."""

    @property
    def labels(self) -> Indices:
        """(count,) int64, the class of every image; (count, k) if images may have several."""

    @property
    def groups(self) -> Indices | None:
        """(count,) int64, equal for images that stay together; None if every image is alone."""


def holdout(split: Labelled, *, size: int | float, seed: int) -> tuple[Indices, Indices]:
    """Split images into training and held-out ones, and never divide a group; see `stratified`.

    Returns:
        Training indices and held-out indices, each (n,) int64 and sorted; together they are all.

    Raises:
        ValueError: If `size` leaves a class without an image in one of the parts.
    """
    return stratified(split.labels, groups=split.groups, size=size, seed=seed)


def stratified(
    labels: Indices, *, size: int | float, seed: int, groups: Indices | None = None
) -> tuple[Indices, Indices]:
    """Split images into training and held-out ones; the paper calls the latter "minival".

    Both parts keep the shares of the classes to within one image, or one group if there are
    groups, and both contain every class. If images may have several classes, the draw ignores
    the classes. The same arguments give the same parts.

    Args:
        labels: (count,) int64, the class of every image; or (count, k) if images may have
            several classes.
        size: Held-out images: a count, or a share in (0, 1). Exact without groups.
        seed: Seed of the draw, >= 0.
        groups: (count,) int64; images with equal values stay together. A group counts for the
            class of its first image.

    Returns:
        Training indices and held-out indices, each (n,) int64 and sorted; together they are all.

    Raises:
        ValueError: If `size` leaves a class without an image in one of the parts.

    Source: EfficientNetV2 (arXiv:2104.00298), section 5.1: accuracy of the search is measured
    on images that are held out from the training set, not on the validation set.
    """
    count = len(labels)
    classes = np.zeros(count, dtype=np.int64) if is_multi_label(labels) else labels
    wanted = _count(size, count)
    order = np.arange(count) if groups is None else np.argsort(groups, kind="stable")
    borders = order[1:] if groups is None else np.flatnonzero(np.diff(groups[order])) + 1
    units = np.split(order, borders)  # images that stay together
    unit_sizes = np.diff(borders, prepend=0, append=count)
    unit_classes = classes[order[np.append(0, borders)]]
    used, unit_counts = np.unique(unit_classes, return_counts=True)
    if unit_counts.min() < 2:
        kind = "image" if groups is None else "group of images"
        rarest = used[unit_counts.argmin()]
        raise ValueError(
            f"holdout needs at least 2 of every class, got 1 {kind} of class {rarest}"
        )
    members = [np.flatnonzero(unit_classes == label) for label in used]
    quotas = _quotas(np.array([unit_sizes[units_of].sum() for units_of in members]), wanted)
    rng = np.random.default_rng(seed)
    held_out: list[Indices] = []
    for units_of, quota in zip(members, quotas, strict=True):
        shuffled = units_of[rng.permutation(len(units_of))]
        # The number of units nearest to the quota, with at least one left.
        sums = np.cumsum(unit_sizes[shuffled])
        nearest = int(np.abs(sums[:-1] - quota).argmin()) + 1
        held_out.extend(units[unit] for unit in shuffled[:nearest])
    taken = np.sort(np.concatenate(held_out)).astype(np.int64)
    return np.setdiff1d(np.arange(count), taken, assume_unique=True).astype(np.int64), taken


def _count(size: int | float, total: int) -> int:
    if isinstance(size, float) and not 0 < size < 1:
        raise ValueError(f"holdout.size must be a count or a share in (0, 1), got {size!r}")
    wanted = round(size * total) if isinstance(size, float) else size
    if not 0 < wanted < total:
        raise ValueError(f"holdout.size must be between 1 and {total - 1} images, got {size!r}")
    return wanted


def _quotas(totals: Indices, wanted: int) -> Indices:
    """Distribute `wanted` by largest remainder; each class keeps one image in both parts.

    Raises:
        ValueError: If that is impossible.
    """
    low, high = len(totals), int(totals.sum()) - len(totals)
    rule = f"between {low} and {high} images, one of each of the {low} classes in both parts"
    require(low <= wanted <= high, "holdout.size", rule, wanted)
    exact = totals * (wanted / totals.sum())
    quotas: Indices = np.clip(np.floor(exact), 1, totals - 1).astype(np.int64)
    while (missing := wanted - int(quotas.sum())) != 0:
        step = 1 if missing > 0 else -1
        has_room = (quotas < totals - 1) if step > 0 else (quotas > 1)
        gain = np.where(has_room, step * (exact - quotas), -np.inf)
        best = np.argsort(-gain, kind="stable")[: min(abs(missing), int(has_room.sum()))]
        quotas[best] += step
    return quotas
