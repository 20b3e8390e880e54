"""Data sets in a folder of class folders, with or without split folders above them."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from trainer.data.labels import Labels
from trainer.data.sources.source import SPLIT_NAMES, FileSource, in_split_order

IMAGE_NAME = re.compile(r".*\.(avif|bmp|gif|jfif|jpe|jpe?g|p[bgnp]m|png|tiff?|webp)", re.I | re.S)
# Files of file managers and archives, which are ignored like hidden files.
JUNK = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"})


def folder_source(root: Path) -> FileSource:
    """Find the images below `root`; the folder names are the splits and classes.

    If `root` has a folder ``train`` that contains folders, the folders of `root` are splits. A
    *class* called train contains images.

    Raises:
        ValueError: If a folder is empty or misplaced, or a file is not an image; the message
            names it.
        OSError: If a folder cannot be read.
    """
    images = {
        split: {class_folder.name: _images(class_folder) for class_folder in _classes(folder)}
        for split, folder in _split_folders(root).items()
    }
    splits = {}
    for split, classes in images.items():
        codes = np.repeat(np.arange(len(classes)), [len(paths) for paths in classes.values()])
        labels = Labels(codes=codes, class_names=tuple(classes))
        splits[split] = (labels, [*chain.from_iterable(classes.values())])
    return FileSource(
        name=root.resolve().name,
        identity="folder",
        files={
            f"{split}/{class_name}/{path.name}": path
            for split, classes in images.items()
            for class_name, paths in classes.items()
            for path in paths
        },
        root=root,
        splits=splits,
    )


def parquet_files(root: Path) -> list[Path]:
    """Return the parquet files of `root` and its folder ``data``, sorted, without hidden ones."""
    files = [*root.glob("*.parquet"), *root.glob("data/*.parquet")]
    return sorted(file for file in files if not file.name.startswith("."))


def _split_folders(root: Path) -> dict[str, Path]:
    """Return the folder of every split; without split folders, `root` itself is "train"."""
    folders = {entry.name: entry for entry in _entries(root) if entry.is_dir()}
    lower = {name.lower() for name in folders}
    train = next((folder for name, folder in folders.items() if name.lower() == "train"), None)
    if train is None and lower and lower <= set(SPLIT_NAMES):
        raise ValueError(f"{root} has {', '.join(sorted(folders))} and no folder train")
    has_splits = train is not None and (
        lower <= set(SPLIT_NAMES) or any(entry.is_dir() for entry in _entries(train))
    )
    if not has_splits:
        return {"train": root}
    splits: dict[str, Path] = {}
    for name, folder in sorted(folders.items()):
        split = SPLIT_NAMES.get(name.lower())
        if split is None:
            known = ", ".join(SPLIT_NAMES)
            raise ValueError(f"{folder} is no split; the folders next to train may be {known}")
        if split in splits:
            raise ValueError(f"{root} has two {split} splits, {splits[split].name} and {name}")
        splits[split] = folder
    _refuse_images(_entries(root))
    return in_split_order(splits)


def _classes(folder: Path) -> list[Path]:
    """Return the class folders, sorted by name; other files than images are ignored.

    Raises:
        ValueError: If there are no class folders, or there is an image outside of them.
    """
    entries = list(_entries(folder))
    _refuse_images(entries)
    classes = [entry for entry in entries if entry.is_dir()]
    if not classes:
        raise ValueError(f"{folder} holds no class folders with images")
    return classes


def _refuse_images(entries: Iterable[Path]) -> None:
    for entry in entries:
        if IMAGE_NAME.fullmatch(entry.name) and not entry.is_dir():
            raise ValueError(f"{entry} lies in no class folder")


def _images(folder: Path) -> list[Path]:
    """Return the images of a class folder, sorted by name.

    Raises:
        ValueError: If there are none, or there is anything else.
    """
    images = list(_entries(folder))
    for path in images:
        if path.is_dir():
            raise ValueError(
                f"{path} is a folder inside the class folder {folder.name!r}; a class folder "
                f"contains only images (is --data one folder too high?)"
            )
        fault = None
        if not path.is_file():  # reading a FIFO would wait, and a dangling link has no size
            fault = "a link to nothing" if path.is_symlink() else "not a file"
        elif not IMAGE_NAME.fullmatch(path.name):
            fault = "no image"
        if fault:
            raise ValueError(f"{path} is {fault}; a class folder contains only images")
    if not images:
        raise ValueError(f"{folder} is an empty class folder; remove it or fill it")
    return images


def _entries(folder: Path) -> Iterator[Path]:
    """Yield the content of `folder`, sorted, without hidden and junk files."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if not path.name.startswith(".") and path.name.lower() not in JUNK:
            yield path
