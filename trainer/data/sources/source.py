"""Data sets before decoding: what every kind of source provides."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from trainer.data.labels import Indices, Labels, is_multi_label

# An encoded file as it is stored, or a rendered picture; None if a row has no image.
RawImage = bytes | Image.Image | None

SPLIT_NAMES = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceSplit(ABC):
    """The images of one split, which are read when they are needed.

    Attributes:
        labels: (count,) int64 positions in the source's class names; or (count, k) if images
            may have several classes, with rows padded by -1.
        groups: (count,) int64, the source that each image was made from, or None.
    """

    labels: Indices
    groups: Indices | None = None

    @abstractmethod
    def read(self, start: int, stop: int) -> Sequence[RawImage]:
        """Return the images [start, stop) as they are stored; called from several threads."""

    @abstractmethod
    def where(self, index: int) -> str:
        """Return the file or the row of an image, for error messages."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileSplit(SourceSplit):
    """A split with one image file per image.

    Attributes:
        paths: The files, in the order of the labels.
    """

    paths: Sequence[Path]

    def read(self, start: int, stop: int) -> Sequence[RawImage]:
        """Return the content of the files [start, stop)."""
        return [path.read_bytes() for path in self.paths[start:stop]]

    def where(self, index: int) -> str:
        """Return the path of an image."""
        return str(self.paths[index])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenedSource:
    """A data set whose labels are known and whose images can be read.

    Attributes:
        name: Name of the data set, for error messages.
        class_names: Names by label.
        splits: "train", and "validation" and "test" if the source has them.

    Raises:
        ValueError: If there is no training image or only one class, or if a class of a data set
            with one class per image has fewer than two training images.
    """

    name: str
    class_names: tuple[str, ...]
    splits: Mapping[str, SourceSplit]

    def __post_init__(self) -> None:
        if "train" not in self.splits or not len(self.splits["train"].labels):
            raise ValueError(f"{self.name} has no training images")
        if len(self.class_names) < 2:
            raise ValueError(
                f"{self.name} must have at least 2 classes, got one: {self.class_names[0]!r}"
            )
        labels = self.splits["train"].labels
        if is_multi_label(labels):  # the holdout does not need every class in both parts
            return
        counts = np.bincount(labels, minlength=len(self.class_names))
        fewest = int(counts.argmin())
        if counts[fewest] < 2:
            raise ValueError(
                f"{self.name} must have at least 2 training images of every class, so that "
                f"one can be held out; class {self.class_names[fewest]!r} has {counts[fewest]}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source(ABC):
    """A data set that was found and not read yet.

    Attributes:
        name: Name for display.
        identity: What determines the content apart from the files: reader and version.
        files: The files of the content by their place in the data set, such as
            ``train/cat/1.jpg``, which does not depend on where the data set is; empty if the
            content is part of a library.
        default_flip: Whether mirrored images still show their class.
        notes: What the user should know about how the data set was found, a sentence each.
    """

    name: str
    identity: str
    files: Mapping[str, Path]
    default_flip: bool = True
    notes: tuple[str, ...] = ()

    @abstractmethod
    def open(self, scratch: Path, /) -> OpenedSource:
        """Read the labels; `scratch` is for temporary files and removed after the decoding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileSource(Source):
    """A folder with one file per image.

    Attributes:
        root: The folder.
        splits: The labels of each split, and its files in the order of the labels.
    """

    root: Path
    splits: Mapping[str, tuple[Labels, Sequence[Path]]]

    def open(self, _: Path, /) -> OpenedSource:
        """Return the splits with labels as positions in the training split's classes."""
        name, class_names = str(self.root), self.splits["train"][0].class_names
        splits = {
            split: FileSplit(labels=labels.recoded(name, split, class_names), paths=paths)
            for split, (labels, paths) in self.splits.items()
        }
        return OpenedSource(name=name, class_names=class_names, splits=splits)


def in_split_order(by_split: Mapping[str, T]) -> dict[str, T]:
    """Return the values of "train", "validation" and "test" in this order, if present."""
    return {name: by_split[name] for name in ("train", "validation", "test") if name in by_split}
