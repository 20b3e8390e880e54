"""The pictures of a split of a data set, as `--data` names it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from trainer.config import ReadingConfig
from trainer.data.cache.folder import cache_root, scratch_folder
from trainer.data.prepare import find_source
from trainer.inference.pictures import SplitPictures

SplitName = Literal["train", "validation", "test"]
# Without a choice, the first of these that a data set has.
BY_PREFERENCE: tuple[SplitName, ...] = ("test", "validation", "train")


class FoundSplit(NamedTuple):
    """The pictures of a split.

    Attributes:
        pictures: The pictures, named as in ``RUN/evaluation``: by their file in the data set, or
            by their row.
        split: The split.
        notes: What the user should know about the data set, a sentence each.
    """

    pictures: SplitPictures
    split: str
    notes: tuple[str, ...]


@contextmanager
def open_split(data: str, split: SplitName | None = None) -> Iterator[FoundSplit]:
    """Open a data set for reading the pictures of a split.

    The pictures are decoded when they are predicted. Nothing is written to the cache of decoded
    images, which would need the training split too, and in which a damaged image is an error.

    Args:
        data: The value of `--data`, see `trainer.data.prepare.DATA_TAKES`.
        split: The split; None for the first of test, validation and train that there is.

    Raises:
        ValueError: If `data` names no data set, or it has no such split.
        OSError: If it cannot be read.
    """
    root = cache_root(None)
    source = find_source(data, root, ReadingConfig())
    with scratch_folder(root) as scratch:
        opened = source.open(scratch)
        present = [name for name in BY_PREFERENCE if name in opened.splits]
        chosen = split or present[0]
        if chosen not in opened.splits:
            has = " and ".join(present)
            raise ValueError(f"--split {chosen}: {data} has no such split, only {has}")
        images = opened.splits[chosen]
        prefix = "" if source.root is None else f"{source.root}/"
        names = [images.where(i).removeprefix(prefix) for i in range(len(images.labels))]
        notes = (*source.notes, *opened.notes)
        yield FoundSplit(SplitPictures(names=names, split=images), chosen, notes)
