"""Byte-identical copies of images: they stay in one part, and the user is told of them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trainer.data.cache.images import CACHE
from trainer.data.labels import NO_LABEL, Indices
from trainer.data.sources.source import SourceSplit

DUPLICATES = "duplicates.csv"
COLUMNS = ("image", "split", "label", "copy_of", "split_of_first", "label_of_first")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeptSplit:
    """The images of a split that are in the cache.

    Attributes:
        source: The split.
        kept: (count,) int64, their positions in it.
        digests: (count, 2) uint64, equal for images with the same content.
    """

    source: SourceSplit
    kept: Indices
    digests: npt.NDArray[np.uint64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Duplicates:
    """Copies within and across the splits of a data set.

    Positions below count the images of all splits, in the order of the splits.

    Attributes:
        splits: The splits by name, "train" first.
        class_names: Names by label.
    """

    splits: Mapping[str, KeptSplit]
    class_names: Sequence[str]

    @cached_property
    def _starts(self) -> Indices:
        """(splits,) int64, the position of each split's first image."""
        return np.cumsum([0, *(len(split.kept) for split in self.splits.values())])[:-1]

    @cached_property
    def _first(self) -> Indices:
        """(all,) int64, for each image the position of the first one with its content."""
        digests = np.concatenate([split.digests for split in self.splits.values()])
        order = np.lexsort((digests[:, 1], digests[:, 0]))  # stable: the first copy is in front
        is_new = np.ones(len(order), dtype=np.bool_)
        is_new[1:] = (digests[order[1:]] != digests[order[:-1]]).any(axis=1)
        first = np.empty(len(order), dtype=np.int64)
        first[order] = order[is_new][np.cumsum(is_new) - 1]
        return first

    @cached_property
    def _copies(self) -> Indices:
        """Positions of the images with an earlier copy."""
        return np.flatnonzero(self._first != np.arange(len(self._first)))

    def groups(self, own: Indices | None) -> Indices | None:
        """Return the groups of the training images, in which copies are together.

        Args:
            own: (count,) int64, groups of the source; None if every image is alone.

        Returns:
            (count,) int64, or `own` if no training image is a copy.
        """
        first = self._first[: len(self.splits["train"].kept)]
        if (first == np.arange(len(first))).all():
            return own
        return first if own is None else _joined(own, first)

    def notes(self) -> list[str]:
        """Return what the user should know, a sentence each; nothing without copies."""
        if not len(self._copies):
            return []
        notes, names = [], [*self.splits]
        splits, first_splits = self._split_of(self._copies), self._split_of(self._first_ones)
        for later, name in enumerate(names):
            for earlier, other in enumerate(names[: later + 1]):
                if found := int(((splits == later) & (first_splits == earlier)).sum()):
                    notes.append(self._counted(found, name, other))
        notes += self._contradictions()
        return [*notes, f"the copies are listed in {CACHE}/{DUPLICATES}"]

    def write(self, folder: Path) -> None:
        """Write the list of all copies, if there are any, to a file in `folder`.

        Raises:
            OSError: If it cannot be written.
        """
        if not len(self._copies):
            return
        path = folder / DUPLICATES
        with path.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for copy, first in zip(self._copies, self._first_ones, strict=True):
                writer.writerow([*self._cells(copy), *self._cells(first)])

    @property
    def _first_ones(self) -> Indices:
        """(copies,) int64, the positions of the images that `_copies` are copies of."""
        return self._first[self._copies]

    def _counted(self, found: int, name: str, other: str) -> str:
        images = f"{found} of {len(self.splits[name].kept)} {_kind(name)} images"
        copies = "is a copy" if found == 1 else "are copies"
        if name == other:
            held_out = ", and copies are held out together" if name == "train" else ""
            return f"{images} {copies} of other {_kind(name)} images{held_out}"
        too_high = ", so the accuracy there is too high" if other == "train" else ""
        return f"{images} {copies} of {_kind(other)} images{too_high}"

    def _contradictions(self) -> list[str]:
        differs = (self._labels[self._copies] != self._labels[self._first_ones]).any(axis=1)
        copies = self._copies[differs]
        if not len(copies):
            return []
        number = len(np.unique(self._first[copies]))
        some = "1 image appears" if number == 1 else f"{number} images appear"
        pair = (self._first[copies[0]], copies[0])
        named = [f"{where} ({label})" for where, _, label in map(self._cells, pair)]
        return [
            f"{some} in different classes, which no network can tell apart: "
            f"{' and '.join(named)}{' and others' if number > 1 else ''}"
        ]

    def _split_of(self, positions: npt.ArrayLike) -> Indices:
        """Return the number of the split of each image."""
        return np.searchsorted(self._starts, positions, side="right") - 1

    @cached_property
    def _labels(self) -> Indices:
        """(all, k) int64, the sorted labels of each image, padded by -1."""
        rows = [split.source.labels[split.kept] for split in self.splits.values()]
        rows = [labels.reshape(len(labels), -1) for labels in rows]
        width = max(labels.shape[1] for labels in rows)
        padded = [
            np.pad(labels, ((0, 0), (0, width - labels.shape[1])), constant_values=NO_LABEL)
            for labels in rows
        ]
        return np.sort(np.concatenate(padded), axis=1)

    def _cells(self, position: int) -> tuple[str, str, str]:
        """Return place, split and label of an image."""
        number = int(self._split_of(position))
        name, split = [*self.splits.items()][number]
        place = split.source.where(int(split.kept[position - self._starts[number]]))
        labels = (self.class_names[label] for label in self._labels[position] if label >= 0)
        return place, name, ";".join(labels)


def shared_group_notes(splits: Mapping[str, KeptSplit]) -> list[str]:
    """Return a note for each split with images of groups that have training images too."""
    notes = []
    train = splits["train"]
    for name, split in splits.items():
        if split is train or train.source.groups is None or split.source.groups is None:
            continue
        own, trained = split.source.groups[split.kept], train.source.groups[train.kept]
        shared = np.isin(own, trained)
        if shared.any():
            number = len(np.unique(own[shared]))
            notes.append(
                f"{int(shared.sum())} of {len(own)} {name} images are of {number} "
                f"{'group' if number == 1 else 'groups'} that have training images too, so the "
                "accuracy there may be too high"
            )
    return notes


def _kind(split: str) -> str:
    return "training" if split == "train" else split


def _joined(own: Indices, first: Indices) -> Indices:
    """Return groups such that images with an equal value of either argument are together.

    Each is named by the smallest of its values in `own`.
    """
    _, left = np.unique(own, return_inverse=True)
    _, right = np.unique(first, return_inverse=True)
    right += left.max() + 1
    graph = coo_array((np.ones(len(own), dtype=np.bool_), (left, right)), (right.max() + 1,) * 2)
    count, component = connected_components(graph, directed=False)
    of_image = component[left]
    smallest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(smallest, of_image, own)
    joined: Indices = smallest[of_image]
    return joined
