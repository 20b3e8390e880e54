"""Stratified samples: by class, and never through a group."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]


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
