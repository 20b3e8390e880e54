"""The part of a training split that measures accuracy: the paper's "minival"."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trainer.data.cache import ImageSplit
from trainer.data.label_sets import is_multi_label

Indices = npt.NDArray[np.int64]


def holdout(split: ImageSplit, *, size: int | float, seed: int) -> tuple[Indices, Indices]:
    """Split into training and held-out indices, class by class and never through a group.

    Both parts keep the shares of the classes to within one image, or one group where the split
    has groups, and both hold every class; where images may be of several classes they are drawn
    without regard to them. The same arguments give the same parts.

    Args:
        split: Usually the training split.
        size: Held-out images: a count, or a share in (0, 1). Exact without groups.
        seed: Of the draw, >= 0.

    Returns:
        Training indices and held-out indices, each sorted; together they are all.

    Raises:
        ValueError: If `size` leaves a class without an image on either side.

    Source: EfficientNetV2 (arXiv:2104.00298), section 5.1: accuracy of the search is measured
    on images that are held out from the training set, not on the validation set.
    """
    labels = split.labels
    if is_multi_label(labels):
        labels = np.zeros(len(labels), dtype=np.int64)  # all alike
    taken = stratified(labels, groups=split.groups, size=size, seed=seed)
    rest = np.setdiff1d(np.arange(len(split.labels)), taken, assume_unique=True)
    return rest.astype(np.int64), taken


def stratified(
    labels: Indices, *, size: int | float, seed: int, groups: Indices | None = None
) -> Indices:
    """Return sorted indices of a stratified sample; `holdout` says by which rules.

    Args:
        labels: (count,) the class of every image.
        size: Images to take: a count, or a share in (0, 1).
        seed: Of the draw, >= 0.
        groups: (count,) images of one value are taken together. A group counts for the class
            of its first image.

    Raises:
        ValueError: If `size` leaves a class without an image on either side.
    """
    wanted = _count(size, len(labels))
    units = _units(groups if groups is not None else np.arange(len(labels)))
    by_class: dict[int, list[Indices]] = {}
    for unit in units:
        by_class.setdefault(int(labels[unit[0]]), []).append(unit)
    for label, members in sorted(by_class.items()):
        if len(members) < 2:
            kind = "image" if groups is None else "group of images"
            raise ValueError(
                f"holdout needs at least 2 of every class, got 1 {kind} of class {label}"
            )
    classes = sorted(by_class)
    totals = np.array([sum(map(len, by_class[label])) for label in classes])
    quotas = _quotas(totals, wanted)
    rng = np.random.default_rng(seed)
    taken: list[Indices] = []
    for label, quota in zip(classes, quotas, strict=True):
        members = by_class[label]
        shuffled = [members[i] for i in rng.permutation(len(members))]
        taken.extend(shuffled[: _nearest(shuffled, quota)])
    return np.sort(np.concatenate(taken)).astype(np.int64)


def _count(size: int | float, total: int) -> int:
    if isinstance(size, float) and not 0 < size < 1:
        raise ValueError(f"holdout.size must be a count or a share in (0, 1), got {size!r}")
    wanted = round(size * total) if isinstance(size, float) else size
    if not 0 < wanted < total:
        raise ValueError(f"holdout.size must be between 1 and {total - 1} images, got {size!r}")
    return wanted


def _units(groups: Indices) -> list[Indices]:
    """Return the positions of each group, ordered by the group's value."""
    order = np.argsort(groups, kind="stable")
    borders = np.flatnonzero(np.diff(groups[order])) + 1
    return np.split(order, borders)


def _quotas(totals: Indices, wanted: int) -> Indices:
    """Share `wanted` out by largest remainder, leaving every class one image on each side.

    Raises:
        ValueError: If that cannot be.
    """
    low, high = len(totals), int(totals.sum()) - len(totals)
    if not low <= wanted <= high:
        raise ValueError(
            f"holdout.size must be between {low} and {high} images, one of each of the "
            f"{len(totals)} classes on either side, got {wanted}"
        )
    exact = totals * (wanted / totals.sum())
    quotas: Indices = np.clip(np.floor(exact), 1, totals - 1).astype(np.int64)
    while (missing := wanted - int(quotas.sum())) != 0:
        step = 1 if missing > 0 else -1
        room = (quotas < totals - 1) if step > 0 else (quotas > 1)
        gain = np.where(room, step * (exact - quotas), -np.inf)
        best = np.argsort(-gain, kind="stable")[: min(abs(missing), int(room.sum()))]
        quotas[best] += step
    return quotas


def _nearest(units: Sequence[Indices], quota: int) -> int:
    """Return how many units come nearest to `quota` images, leaving one out at least."""
    sums = np.cumsum([len(unit) for unit in units])
    return int(np.abs(sums[:-1] - quota).argmin()) + 1
