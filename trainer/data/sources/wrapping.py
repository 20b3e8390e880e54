"""Folders around a data set, such as that of an archive that was unpacked."""

from pathlib import Path

from trainer.data.sources.entries import entries, first_ones, is_picture
from trainer.data.sources.split_names import split_of

# Archives are unpacked into one or two folders; deeper ones are not searched.
DEPTH = 3
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")


def unwrapped(root: Path) -> Path:
    """Return the folder with the data set if `root` contains only that folder, else `root`.

    Texts next to that folder do not matter; images and tables do. A folder that is a split or
    contains images is no wrapping.

    Raises:
        OSError: If a folder cannot be read.
    """
    for _ in range(DEPTH):
        content = [*entries(root)]
        folders = [entry for entry in content if entry.is_dir()]
        if len(folders) != 1 or any(_is_table(entry) or _is_image(entry) for entry in content):
            return root
        inner = [*entries(folders[0])]
        is_class = any(map(_is_image, inner)) or not any(entry.is_dir() for entry in inner)
        if split_of(folders[0].name) or (is_class and not any(map(_is_table, inner))):
            return root
        root = folders[0]
    return root


def suggestion(root: Path) -> str:
    """Return the end of an error message that names folders below `root` that look like sets.

    It is empty if there is none.
    """
    level = [root]
    for _ in range(DEPTH - 1):
        level = [inner for folder in level for inner in _folders(folder)]
        if found := [folder for folder in level if _looks_like_set(folder)]:
            return f"; perhaps you mean --data {found[0]}"
    return ""


def content_hint(folder: Path) -> str:
    """Return the end of an error message that says what a folder without images contains."""
    names = [entry.name for entry in entries(folder) if not entry.is_dir()]
    if archives := [name for name in names if name.lower().endswith(ARCHIVES)]:
        return f"; unpack {archives[0]} first"
    if "dataset_info.json" in names or "dataset_dict.json" in names:
        return "; datasets.save_to_disk has written it: write it with to_parquet instead"
    return f"; it holds {first_ones(names)}" if names else ""


def _looks_like_set(folder: Path) -> bool:
    """Return whether `folder` has a training split of class folders, or two class folders."""
    inner = _folders(folder)
    trains = [one for one in inner if split_of(one.name) == "train"]
    return any(_folders(train) for train in trains) or sum(map(_has_images, inner)) > 1


def _has_images(folder: Path) -> bool:
    return any(is_picture(entry.name) for entry in entries(folder))


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in entries(folder) if entry.is_dir()]


def _is_image(path: Path) -> bool:
    return is_picture(path.name) and not path.is_dir()


def _is_table(path: Path) -> bool:
    return path.suffix.lower() in (".csv", ".tsv", ".jsonl", ".parquet") and not path.is_dir()
