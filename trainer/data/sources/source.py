"""Data sets before decoding: what every kind of source provides."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from trainer.data.labels import Indices, Labels

# An encoded file, or a rendered picture; None if a row has no image.
RawImage = bytes | Image.Image | None


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
        notes: What the user should know about the labels and groups, a sentence each.

    Raises:
        ValueError: If there is no training image, or only one class.
    """

    name: str
    class_names: tuple[str, ...]
    splits: Mapping[str, SourceSplit]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "train" not in self.splits or not len(self.splits["train"].labels):
            raise ValueError(f"{self.name} has no training images")
        if len(self.class_names) < 2:
            raise ValueError(
                f"{self.name} must have at least 2 classes, got one: {self.class_names[0]!r}"
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
        root: Folder of the data set, if it is one.
        notes: What the user should know about how the data set was found, a sentence each.
    """

    name: str
    identity: str
    files: Mapping[str, Path]
    default_flip: bool = True
    root: Path | None = None
    notes: tuple[str, ...] = ()

    @abstractmethod
    def open(self, scratch: Path, /) -> OpenedSource:
        """Read the labels; `scratch` is for temporary files and removed after the decoding."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelledFiles:
    """The image files of a split.

    Attributes:
        labels: Their labels.
        paths: The files, in the order of the labels.
        groups: (count,) int64, equal for images that stay together; or None.
    """

    labels: Labels
    paths: Sequence[Path]
    groups: Indices | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileSource(Source):
    """A folder with one file per image.

    Attributes:
        root: The folder.
        splits: The files of each split.
    """

    root: Path
    splits: Mapping[str, LabelledFiles]

    def open(self, _: Path, /) -> OpenedSource:
        """Return the splits with labels as positions in the training split's classes."""
        name, class_names = str(self.root), self.splits["train"].labels.class_names
        splits = {
            split: FileSplit(
                labels=files.labels.recoded(name, split, class_names),
                groups=files.groups,
                paths=files.paths,
            )
            for split, files in self.splits.items()
        }
        return OpenedSource(name=name, class_names=class_names, splits=splits)
