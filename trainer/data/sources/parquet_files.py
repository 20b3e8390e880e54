"""Parquet files of a folder: the split of each, and whether parts are missing."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from search_space.counted import counted
from trainer.data.sources.entries import entries, first_ones, is_junk, unfinished_note
from trainer.data.sources.split_names import KNOWN, find_splits, split_of

# The library `datasets` writes train-00000-of-00003.parquet, with a hash before the suffix in
# some versions; the hub's converter writes train/0000.parquet.
PART = re.compile(r"(?P<name>.*?)-(?P<number>\d+)-of-(?P<total>\d+)(?P<end>\D.*|)", re.S)
# Missing files that are named; a damaged name may ask for any number of them.
SHOWN = 5
NUMBERED = re.compile(r"\d{4,}\.parquet", re.I)


class ParquetFolder(NamedTuple):
    """The parquet files of a folder by split, and what the user should know, a sentence each."""

    files: Mapping[str, Sequence[Path]]
    notes: tuple[str, ...]


def parquet_files(root: Path) -> list[Path]:
    """Return the parquet files of a data set in `root`, sorted, without hidden and junk files.

    They are in `root`, its folder ``data``, or folders of splits in one of the two. If none
    is named after a split and `root` has other folders, such as class folders, there are none.

    Raises:
        OSError: If a folder cannot be read.
    """
    places = [root, root / "data"]
    split_folders = [
        entry
        for place in places
        if place.is_dir()
        for entry in entries(place)
        if split_of(entry.name) and entry.is_dir()
    ]
    files = sorted(
        file
        for place in [*places, *split_folders]
        for file in place.glob("*.parquet")
        if not is_junk(file.name)
    )
    if any(split_of(_split_word(file, root)) for file in files):
        return files
    folders = [entry for entry in entries(root) if entry.is_dir() and entry.name != "data"]
    return [] if folders else files


def parquet_by_split(root: Path, *, strict: bool = False) -> ParquetFolder:
    """Return the files of every split, by the folder of a split or the begin of their names.

    Files of no split are ignored with a note if there are files for training; with `strict` they
    are an error.

    Raises:
        ValueError: If there are no files for training, parts are missing, or a split has files in
            several folders.
        OSError: If a folder cannot be read.
    """
    by_word: dict[str, list[Path]] = {}
    for file in parquet_files(root):
        by_word.setdefault(_split_word(file, root), []).append(file)
    found = find_splits(str(root), by_word)
    stray = [file for word in found.others for file in by_word[word]]
    if stray and (strict or "train" not in found.names):
        raise ValueError(f"{stray[0]} must be named after its split: {KNOWN}")
    if "train" not in found.names:
        raise ValueError(f"{root} has no parquet file whose name begins with train")
    files = {split: by_word[name] for split, name in found.names.items()}
    for split, paths in files.items():
        _check_parts(split, paths)
    names = first_ones([str(file.relative_to(root)) for file in stray])
    verb = "is" if len(stray) == 1 else "are"
    ignored = f"{counted(len(stray), 'parquet file')} of no split {verb} ignored: {names}"
    notes = [*found.notes, *([ignored] if stray else [])]
    return ParquetFolder(files, (*notes, *_unfinished(files)))


def _unfinished(files: Mapping[str, Sequence[Path]]) -> list[str]:
    """Return a note if there are unfinished downloads of parquet files next to the others."""
    places = {path.parent for paths in files.values() for path in paths}
    names = sorted(
        path.name for place in places for path in place.iterdir() if ".parquet." in path.name
    )
    note = unfinished_note(names)
    return [note] if note else []


def lone_part_note(path: Path) -> tuple[str, ...]:
    """Return a sentence if a single file is one of several parts of a split, by its name."""
    part = PART.fullmatch(path.stem)
    if part is None or int(part["total"]) < 2:
        return ()
    return (f"{path.name} is one of {int(part['total'])} parts, and the others are not read",)


def _split_word(file: Path, root: Path) -> str:
    """Return the folder of a split that `file` is in, or else the first word of its name."""
    if file.parent != root and split_of(file.parent.name):
        return file.parent.name
    return re.split(r"[-_.]", file.name)[0].lower()


def _check_parts(split: str, paths: Sequence[Path]) -> None:
    """Raise if the files of a split are not all parts of one whole, as far as names tell."""
    if len(folders := sorted({path.parent for path in paths})) > 1:
        raise ValueError(
            f"split {split} has parquet files in {folders[0]} and in {folders[1]}; remove one"
        )
    wholes: dict[str, dict[int, Path]] = {}
    totals: dict[str, int] = {}
    for path in paths:
        if (part := PART.fullmatch(path.stem)) is None:
            continue
        name, number, total = part["name"], int(part["number"]), int(part["total"])
        if totals.setdefault(name, total) != total:
            raise ValueError(
                f"{path} is one of {total} parts, but there are also files of {totals[name]} "
                f"parts; remove those of another download"
            )
        if (other := wholes.setdefault(name, {}).setdefault(number, path)) != path:
            raise ValueError(f"{other} and {path} are the same part; remove one")
        if number >= total:
            raise ValueError(f"{path} is no part of {total}, which are counted from 0")
    for name, parts in wholes.items():
        total = totals[name]
        _refuse_missing(split, paths[0].parent, parts, range(total), f"{name}-", f"-of-{total:05}")
    if not wholes and all(NUMBERED.fullmatch(path.name) for path in paths):
        numbers = {int(path.stem): path for path in paths}
        expected = range(min(*numbers, 1), max(numbers) + 1)  # counted from 0 or from 1
        _refuse_missing(split, paths[0].parent, numbers, expected)


def _refuse_missing(
    split: str,
    folder: Path,
    known: Mapping[int, Path],
    expected: range,
    begin: str = "",
    end: str = "",
) -> None:
    """Raise if files are missing; their names are a number between `begin` and `end`."""
    missing = len(expected) - len(known)
    if missing > 0:
        numbers = islice((number for number in expected if number not in known), SHOWN)
        width = 5 if end else 4
        names = ", ".join(f"{begin}{number:0{width}}{end}.parquet" for number in numbers)
        raise ValueError(
            f"{folder}: {missing} of {len(expected)} files of split {split} are missing (is the "
            f"download incomplete?): {names}{', ...' if missing > SHOWN else ''}"
        )
