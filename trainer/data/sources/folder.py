"""A folder of class folders, with or without split folders above them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from trainer.data.sources.source import (
    SPLIT_NAMES,
    OpenedSource,
    RawImage,
    Source,
    SourceFile,
    SourceSplit,
    relabel,
)

IMAGE_NAME = re.compile(r".*\.(avif|bmp|gif|jfif|jpe|jpe?g|p[bgnp]m|png|tiff?|webp)", re.I | re.S)
# What file managers and archives leave behind; hidden names are passed over as well.
JUNK = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"})


def folder_source(root: Path) -> Source:
    """Find the images below `root`; splits and classes are the names of the folders.

    A folder ``train`` that holds folders makes the folders of `root` splits; a *class* that is
    called train holds images, and stays a class.

    Raises:
        ValueError: If a folder is empty or out of place, or a file is no image; it is named.
        OSError: If a folder cannot be read.
    """
    folders = _split_folders(root)
    files = {
        split: {class_folder.name: _images(class_folder) for class_folder in _classes(folder)}
        for split, folder in folders.items()
    }
    return Source(
        name=root.resolve().name,
        identity="folder",
        files=tuple(
            SourceFile(key=f"{split}/{class_name}/{path.name}", path=path)
            for split, classes in files.items()
            for class_name, paths in classes.items()
            for path in paths
        ),
        default_flip=True,
        open=lambda _: _open(str(root), files),
    )


def parquet_files(root: Path) -> list[Path]:
    """Return the parquet files of `root` and of its folder ``data``, sorted; none are hidden."""
    files = [*root.glob("*.parquet"), *root.glob("data/*.parquet")]
    return sorted(file for file in files if not file.name.startswith("."))


def _open(name: str, files: dict[str, dict[str, list[Path]]]) -> OpenedSource:
    class_names = tuple(files["train"])
    splits = {}
    for split, classes in files.items():
        labels = relabel(name, split, tuple(classes), class_names)
        splits[split] = _split(labels, list(classes.values()))
    return OpenedSource(name=name, class_names=class_names, splits=splits)


def _split(labels: Sequence[int], paths_by_class: Sequence[Sequence[Path]]) -> SourceSplit:
    paths = [path for paths in paths_by_class for path in paths]
    counts = [len(paths) for paths in paths_by_class]

    def read(start: int, stop: int) -> list[RawImage]:
        return [path.read_bytes() for path in paths[start:stop]]

    return SourceSplit(
        labels=np.repeat(np.array(labels, dtype=np.int64), counts),
        read=read,
        where=lambda i: str(paths[i]),
    )


def _split_folders(root: Path) -> dict[str, Path]:
    """Return the folder of every split; `root` itself is "train" where there are none."""
    folders = {entry.name: entry for entry in _entries(root) if entry.is_dir()}
    lower = {name.lower() for name in folders}
    train = next((folder for name, folder in folders.items() if name.lower() == "train"), None)
    if train is None and lower and lower <= set(SPLIT_NAMES):
        raise ValueError(f"{root} has {', '.join(sorted(folders))} and no folder train")
    if train is None or not (lower <= set(SPLIT_NAMES) or _holds_folders(train)):
        return {"train": root}
    splits: dict[str, Path] = {}
    for name, folder in sorted(folders.items()):
        split = SPLIT_NAMES.get(name.lower())
        if split is None:
            known = ", ".join(SPLIT_NAMES)
            raise ValueError(f"{folder} is no split: beside train may stand {known}")
        if split in splits:
            raise ValueError(f"{root} has two {split} splits, {splits[split].name} and {name}")
        splits[split] = folder
    for entry in _entries(root):
        if IMAGE_NAME.fullmatch(entry.name) and not entry.is_dir():
            raise ValueError(f"{entry} lies in no class folder")
    return {split: splits[split] for split in ("train", "validation", "test") if split in splits}


def _holds_folders(folder: Path) -> bool:
    return any(entry.is_dir() for entry in _entries(folder))


def _classes(folder: Path) -> list[Path]:
    """Return the class folders, sorted by name.

    Loose files such as a README are passed over here, but an image has lost its class.

    Raises:
        ValueError: If there are none, or an image lies beside them.
    """
    entries = list(_entries(folder))
    for entry in entries:
        if IMAGE_NAME.fullmatch(entry.name) and not entry.is_dir():
            raise ValueError(f"{entry} lies in no class folder")
    classes = [entry for entry in entries if entry.is_dir()]
    if not classes:
        raise ValueError(f"{folder} holds no class folders with images")
    return classes


def _images(folder: Path) -> list[Path]:
    """Return the images of a class folder, sorted by name.

    Raises:
        ValueError: If there are none, or something else is there.
    """
    images = list(_entries(folder))
    for path in images:
        if path.is_dir():
            raise ValueError(
                f"{path} is a folder inside the class folder {folder.name!r}; a class folder "
                f"holds images alone (is --data one folder too high?)"
            )
        if not path.is_file():  # a FIFO would be waited for, a dangling link has no size
            what = "a link to nothing" if path.is_symlink() else "not a file"
            raise ValueError(f"{path} is {what}; a class folder holds images alone")
        if not IMAGE_NAME.fullmatch(path.name):
            raise ValueError(f"{path} is no image; a class folder holds images alone")
    if not images:
        raise ValueError(f"{folder} is an empty class folder; remove it or fill it")
    return images


def _entries(folder: Path) -> Iterator[Path]:
    """Yield what lies in `folder`, sorted, without hidden files and known junk."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if not path.name.startswith(".") and path.name.lower() not in JUNK:
            yield path
