"""Which tables of a folder list its images: labels.csv, train.csv, metadata.csv or others."""

import re
from collections.abc import Mapping
from pathlib import Path

from trainer.data.sources.csv_table import TABLE_SUFFIXES, read_table
from trainer.data.sources.entries import entries, is_picture
from trainer.data.sources.folder import STORES
from trainer.data.sources.labels_file import LABELS_FILE
from trainer.data.sources.split_names import find_splits, split_of
from trainer.data.sources.table_columns import choose_columns


def labels_tables(root: Path) -> Mapping[str, Path]:
    """Return the tables that list the images of `root` by split; a whole set's is "train".

    It is ``labels.csv`` if there is one. Other tables count only if there are no class folders:
    ``metadata.csv`` or ``metadata.jsonl`` in the folders of splits, tables in `root` whose names
    begin with a split, such as ``train.csv``, or else the only table in `root`.

    Raises:
        ValueError: If none of several tables has known columns, or several are equally possible;
            lists the columns, or the tables.
        OSError: If a folder or a table cannot be read.
    """
    if (root / LABELS_FILE).is_file():
        return {"train": root / LABELS_FILE}
    if _has_class_folders(root):
        return {}
    in_splits = {
        entry.name: table
        for entry in entries(root)
        if split_of(entry.name) and entry.is_dir()
        for table in _tables(entry)[:1]
        if table.stem.lower() in ("metadata", "labels")
    }
    found = find_splits(str(root), in_splits, can_rename=False).names
    if "train" in found:
        return {split: in_splits[name] for split, name in found.items()}
    return _in_root(root)


def _in_root(root: Path) -> Mapping[str, Path]:
    usable: dict[str, list[Path]] = {}
    fault: ValueError | None = None
    for table in _tables(root):
        try:
            choose_columns(read_table(table))
        except ValueError as error:
            fault = fault or error
        else:
            words = re.split(r"[^a-z]+", table.stem.lower())
            splits = {split for word in words if (split := split_of(word))}
            usable.setdefault(splits.pop() if len(splits) == 1 else "", []).append(table)
    if not usable and fault is not None and not _class_folders(root):
        raise fault
    by_split = {split: tables for split, tables in usable.items() if split}
    chosen = by_split if "train" in by_split else {"train": usable.get("", [])}
    for tables in chosen.values():
        if len(tables) > 1:
            names = " and ".join(table.name for table in tables)
            raise ValueError(
                f"{root}: {names} may list the images; call one of them {LABELS_FILE}"
            )
    return {split: tables[0] for split, tables in chosen.items() if tables}


def _tables(folder: Path) -> list[Path]:
    return [
        entry
        for entry in entries(folder)
        if entry.suffix.lower() in TABLE_SUFFIXES
        and "submission" not in entry.name.lower()  # Kaggle's example of an answer
        and entry.is_file()
    ]


def _has_class_folders(root: Path) -> bool:
    """Return whether the training images are in class folders, and none lies outside of them."""
    content = [*entries(root)]
    trains = [entry for entry in content if split_of(entry.name) == "train" and entry.is_dir()]
    inner = [entry for folder in trains for entry in entries(folder)]
    if any(is_picture(entry.name) and not entry.is_dir() for entry in [*content, *inner]):
        return False
    return bool(_class_folders(root))


def _class_folders(root: Path) -> list[Path]:
    """Return the folders with images in `root` and its training split that may be classes."""
    content = [entry for entry in entries(root) if entry.is_dir()]
    trains = [folder for folder in content if split_of(folder.name) == "train"]
    inner = [one for folder in trains for one in entries(folder) if one.is_dir()]
    folders = [folder for folder in content if not _is_store(folder.name)]
    return [folder for folder in [*folders, *inner] if _holds_images(folder)]


def _is_store(name: str) -> bool:
    """Return whether a folder of this name holds images of all classes, such as train_images."""
    words = re.split(r"[^a-z]+", name.lower())
    return name.lower() in STORES or any(split_of(word) for word in words)


def _holds_images(folder: Path) -> bool:
    return any(
        is_picture(entry.name) or (entry.is_dir() and entry.name.lower() in STORES)
        for entry in entries(folder)
    )
