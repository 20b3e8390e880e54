"""Data sets in a folder of class folders, with or without split folders above them."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from search_space.counted import counted
from trainer.data.labels import Labels
from trainer.data.sources.annotations import annotated_images
from trainer.data.sources.entries import (
    OtherFiles,
    check_photo,
    entries,
    first_ones,
    is_picture,
)
from trainer.data.sources.source import FileSource, LabelledFiles
from trainer.data.sources.split_names import KNOWN, find_splits, split_of
from trainer.data.sources.wrapping import content_hint, suggestion

# Folders between a class and its images (Tiny ImageNet has CLASS/images/1.JPEG), and folders of
# images without labels (test/images, test/unknown).
STORES = frozenset({"images", "image", "imgs", "img", "pictures", "photos", "jpeg", "jpegs"})
UNLABELLED = STORES | {"unknown", "unlabeled", "unlabelled", "all", "all_classes", "no_label"}


class _Layout(NamedTuple):
    """The folder of every split, and what the user should know about the choice."""

    folders: Mapping[str, Path]
    notes: tuple[str, ...] = ()


def folder_source(root: Path, *, strict: bool = False) -> FileSource:
    """Find the images below `root`; the folder names are the splits and classes.

    If `root` has a folder ``train`` or ``training`` that contains folders, the folders of `root`
    are splits. A *class* called train contains images. A split without class folders other than
    the training split has no labels and is ignored, with a note, unless a file lists them. Files
    in class folders that are no images are ignored too; with `strict` they are an error.

    Raises:
        ValueError: If a folder is empty or misplaced, or a file is a photograph in a format that
            is not read; the message names it.
        OSError: If a folder cannot be read.
    """
    others = OtherFiles(strict=strict)
    layout = _split_folders(root, strict=strict)
    notes = [*layout.notes]
    images: dict[str, dict[str, list[Path]]] = {}
    identity = "folder"
    for split, folder in layout.folders.items():
        reason = None if split == "train" else _without_labels(folder, images["train"])
        if reason and (listed := annotated_images(folder)):
            images[split], text = listed
            count = sum(map(len, images[split].values()))
            notes.append(f"{folder}: {counted(count, 'image')} labelled by a list of annotations")
            identity += f" {split} {hashlib.sha256(text.encode()).hexdigest()}"
            continue
        if reason:
            notes.append(f"{folder} {reason}, and is not used")
            continue
        classes = _classes(folder, root)
        images[split] = {one.name: _images(one, root, others) for one in classes}
    splits = {}
    for split, by_class in images.items():
        codes = np.repeat(np.arange(len(by_class)), [len(paths) for paths in by_class.values()])
        labels = Labels(codes=codes, class_names=tuple(by_class))
        paths = [*chain.from_iterable(by_class.values())]
        splits[split] = LabelledFiles(labels=labels, paths=paths)
    return FileSource(
        name=root.resolve().name,
        identity=identity,  # with the labels that are not in the files' places
        files={
            f"{split}/{place}/{path.name}": path
            for split, by_class in images.items()
            for paths in by_class.values()
            for place in [paths[0].parent.relative_to(layout.folders[split]).as_posix()]
            for path in paths  # of one folder
        },
        notes=(*notes, *others.notes(root)),
        root=root,
        splits=splits,
    )


def _split_folders(root: Path, *, strict: bool) -> _Layout:
    """Return the folder of every split; without split folders, `root` itself is "train"."""
    content = [*entries(root)]
    folders = {entry.name: entry for entry in content if entry.is_dir()}
    known = {name: split for name in folders if (split := split_of(name)) is not None}
    train = [folders[name] for name, split in known.items() if split == "train"]
    if folders and len(known) == len(folders) and not train:
        raise ValueError(f"{root} has {', '.join(sorted(folders))} and no folder train")
    has_splits = train and (
        len(known) == len(folders)
        or any(entry.is_dir() for folder in train for entry in entries(folder))
    )
    if not has_splits:
        _refuse_disguised_splits(root, folders)
        return _Layout({"train": root})
    found = find_splits(str(root), folders)
    for name in found.others:
        holds_images = any(is_picture(entry.name) for entry in entries(folders[name]))
        if strict or (holds_images and len(found.names) == 1):  # train may be a class
            raise ValueError(
                f"{folders[name]} is no split; the folders next to train may be {KNOWN}"
            )
    ignored = [f"{folders[name]} is no split and is ignored" for name in found.others]
    _refuse_images(content)
    layout = {split: folders[name] for split, name in found.names.items()}
    return _Layout(layout, (*found.notes, *ignored))


def _refuse_disguised_splits(root: Path, folders: Mapping[str, Path]) -> None:
    """Raise if folders are split folders with longer names, such as train_set and test_set.

    Next to folders of other names they are only if they hold no images: ``test_tube`` may be a
    class.
    """
    words = {
        name: {split for word in re.split(r"[^a-z]+", name.lower()) if (split := split_of(word))}
        for name in folders
    }
    alike = {name: found for name, found in words.items() if found}
    if len(alike) < len(folders) and any(
        is_picture(entry.name) for name in alike for entry in entries(folders[name])
    ):
        return
    if len({split for found in alike.values() for split in found}) > 1:
        raise ValueError(
            f"{root} has the folders {', '.join(alike)}, which look like splits; name them train, "
            f"validation and test, with a folder per class in each"
        )


def _without_labels(folder: Path, train_classes: Iterable[str]) -> str | None:
    """Return why a split folder has no labels, or None if it has class folders."""
    content = [*entries(folder)]
    inner = [entry.name for entry in content if entry.is_dir()]
    if not inner:
        has_images = any(is_picture(entry.name) for entry in content)
        return (
            "has images in no class folder, so without labels" if has_images else "has no images"
        )
    if len(inner) == 1 and inner[0] not in train_classes:
        name = inner[0].lower()
        if name in UNLABELLED or any(split_of(word) for word in re.split(r"[^a-z]+", name)):
            return f"has images only in {inner[0]}, so without labels"
    return None


def _classes(folder: Path, root: Path) -> list[Path]:
    """Return the class folders, sorted by name; other files than images are ignored.

    Raises:
        ValueError: If there are no class folders, or there is an image outside of them.
    """
    content = [*entries(folder)]
    _refuse_images(content)
    classes = [entry for entry in content if entry.is_dir()]
    if not classes:
        hint = suggestion(root) or content_hint(folder)
        raise ValueError(f"{folder} holds no class folders with images{hint}")
    return classes


def _refuse_images(content: Iterable[Path]) -> None:
    for entry in content:
        if not entry.is_dir():
            check_photo(entry)
            if is_picture(entry.name):
                raise ValueError(
                    f"{entry} lies in no class folder; images need one, or a table such as "
                    f"labels.csv with their file names and labels"
                )


def _images(folder: Path, root: Path, others: OtherFiles) -> list[Path]:
    """Return the images of a class folder, sorted by name; `others` takes the other files.

    Raises:
        ValueError: If there are none, or there is a folder or an image that is no file.
    """
    inner, images, rest = _sorted_out(folder)
    if len(inner) == 1 and inner[0].name.lower() in STORES and not images:
        inner, images, more = _sorted_out(inner[0])
        rest += more
    if inner:
        raise ValueError(
            f"{inner[0]} is a folder inside the class folder {folder.name!r}; a class folder "
            f"contains only images{suggestion(root) or ' (is --data one folder too high?)'}"
        )
    for path in images:
        if not path.is_file():  # reading a FIFO would wait, and a dangling link has no size
            fault = "a link to nothing" if path.is_symlink() else "not a file"
            raise ValueError(f"{path} is {fault}; a class folder contains only images")
    for path in rest:
        others.add(path)
    if not images and rest:
        names = first_ones([path.name for path in rest])
        is_set = any(path.suffix.lower() == ".parquet" for path in rest)
        hint = f"; perhaps you mean --data {folder}" if is_set else ""
        raise ValueError(f"{folder} is a class folder without images; it has {names}{hint}")
    if not images:
        raise ValueError(f"{folder} is an empty class folder; remove it or fill it")
    return images


def _sorted_out(folder: Path) -> tuple[list[Path], list[Path], list[Path]]:
    """Return the folders in a folder, the files that are named like images, and the others."""
    folders: list[Path] = []
    images: list[Path] = []
    others: list[Path] = []
    for path in entries(folder):
        kind = folders if path.is_dir() else images if is_picture(path.name) else others
        kind.append(path)
    return folders, images, others
