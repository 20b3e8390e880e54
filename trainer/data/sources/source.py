"""What every kind of data set looks like before it is decoded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from trainer.data.label_sets import is_multi_label

# An encoded file as it is stored, or a picture that was made here; None where a row has none.
RawImage = bytes | Image.Image | None

SPLIT_NAMES = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file whose bytes are part of a data set's content.

    Attributes:
        key: Its place in the data set, such as ``train/cat/1.jpg``; moving the set keeps it.
        path: Where it lies now.
    """

    key: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceSplit:
    """One split's images, read when asked for.

    Attributes:
        labels: (count,) positions in the source's class names, or (count, k) where an image may
            be of several classes, filled up with -1.
        read: Returns the images [start, stop) as stored; called from several threads.
        where: Names image i for a person: its file, or its row.
        groups: (count,) the source that an image was made from, or None.
    """

    labels: npt.NDArray[np.int64]
    read: Callable[[int, int], Sequence[RawImage]]
    where: Callable[[int], str]
    groups: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OpenedSource:
    """A data set that is ready to be read: splits by name, and what their labels mean.

    Raises:
        ValueError: If there is no training image, one class alone, a class with one training
            image alone where each image has one, or a label without a class.
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
        if is_multi_label(labels):  # held out as they come: no class has to be on both sides
            return
        counts = np.bincount(labels, minlength=len(self.class_names))
        for class_name, count in zip(self.class_names, counts, strict=True):
            if count < 2:
                raise ValueError(
                    f"{self.name} must have at least 2 training images of every class, so that "
                    f"one can be held out; class {class_name!r} has {count}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A data set that was found and not yet read.

    Attributes:
        name: What people call it.
        identity: What it is beside its files: the kind of reader and its version.
        files: The files that its content rests on; none where the content is embedded.
        default_flip: Whether mirrored images still show their class.
        open: Reads its labels; may write scratch files into the folder that it is given, which
            is removed once the images are decoded.
    """

    name: str
    identity: str
    files: tuple[SourceFile, ...]
    default_flip: bool
    open: Callable[[Path], OpenedSource]


def relabel(name: str, split: str, classes: Sequence[str], known: Sequence[str]) -> list[int]:
    """Return the position in `known` of every class that `split` uses.

    Raises:
        ValueError: If `split` has a class that the training split lacks.
    """
    positions = {class_name: label for label, class_name in enumerate(known)}
    if unknown := [class_name for class_name in classes if class_name not in positions]:
        raise ValueError(
            f"{name}: split {split} has {_some(unknown)}, which the training split lacks"
        )
    return [positions[class_name] for class_name in classes]


def _some(class_names: Sequence[str]) -> str:
    if len(class_names) == 1:
        return f"class {class_names[0]!r}"
    return f"{len(class_names)} classes, first {class_names[0]!r}"
