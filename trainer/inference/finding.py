"""Finds the pictures that paths name: files, folders, tables and lists."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from trainer.data.sources.csv_table import MAX_BYTES, TABLE_SUFFIXES, read_table
from trainer.data.sources.entries import OtherFiles, entries, is_picture, unread_photo
from trainer.data.sources.table_columns import file_column
from trainer.inference.pictures import PictureFiles

PATHS_TAKE = (
    "image files; folders, with all folders in them; tables of image files (.csv, .tsv, .jsonl); "
    "or - for a list on standard input"
)
STANDARD_INPUT = "-"


class FoundPictures(NamedTuple):
    """The pictures that paths name.

    Attributes:
        pictures: The pictures, in the order of the paths; those of a folder sorted by name.
        notes: What the user should know, a sentence each.
    """

    pictures: PictureFiles
    notes: tuple[str, ...]


def find_pictures(words: Iterable[str | Path], stdin: BinaryIO | None = None) -> FoundPictures:
    """Find the pictures that paths name.

    A file is a picture whatever its name is, except that the tables of a folder and of the
    data sets (.csv, .tsv, .jsonl) list pictures. The files of a folder are chosen by their
    names, as in a data set: hidden files are left out, and others than pictures are left out
    with a note. Files that a table or a list names need not exist: they are found when they are
    read. No file of a picture is opened.

    Args:
        words: The paths; "-" stands for the list on `stdin`.
        stdin: Standard input, with a path on each line, or paths that end with a NUL character
            as of ``find -print0``; None if it is not read.

    Raises:
        ValueError: If a path does not exist, a folder holds no picture, or a table is wrong.
        OSError: If a folder or a table cannot be read.
    """
    found = _Found()
    for word in words:
        if word == STANDARD_INPUT and stdin is not None:
            found.add_list(stdin)
        else:
            found.add_path(word)
    return FoundPictures(PictureFiles(names=found.names, paths=found.paths), tuple(found.notes))


@dataclass(slots=True)
class _Found:
    """What was found so far."""

    names: list[str] = field(default_factory=list)
    paths: list[Path] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add_path(self, word: str | Path) -> None:
        """Add what a path names."""
        if not str(word).strip():
            raise ValueError(f"a path of images must not be empty; paths are {PATHS_TAKE}")
        path = Path(word).expanduser()
        suffix = path.suffix.lower()
        if path.is_dir():
            self._add_folder(path)
        elif not path.exists():
            hint = "" if path.suffix else " (a data set is given with --data)"
            raise ValueError(f"{word}: there is no such file or folder{hint}")
        elif suffix == ".parquet":
            raise ValueError(f"{word} is a data set, which is given with --data")
        elif suffix in TABLE_SUFFIXES:
            self._add_table(path)
        else:
            self._add(str(word), path)

    def add_list(self, stdin: BinaryIO) -> None:
        """Add the files that standard input lists."""
        content = stdin.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"the list on standard input is larger than {MAX_BYTES >> 20} MiB")
        end = b"\0" if b"\0" in content else b"\n"
        listed = [os.fsdecode(line.removesuffix(b"\r")) for line in content.split(end)]
        given = [name for name in listed if name.strip()]
        if not given:
            raise ValueError("the list on standard input is empty; it has a path on each line")
        for name in given:
            self._add(name, Path(name))

    def _add(self, name: str, path: Path) -> None:
        self.names.append(name)
        self.paths.append(path)

    def _add_folder(self, folder: Path) -> None:
        others = OtherFiles(strict=False)
        count = len(self.paths)
        for path in _files(folder, set()):
            if is_picture(path.name) or unread_photo(path.name):
                self._add(str(path), path)
            else:
                others.paths.append(path)
        notes = [f"{folder}: {note}" for note in others.notes(folder)]
        if len(self.paths) == count:
            raise ValueError("; ".join([f"{folder}: this folder holds no images", *notes[:1]]))
        self.notes += notes

    def _add_table(self, path: Path) -> None:
        table = read_table(path)
        column = file_column(table)
        cells: Sequence[str] = [cells[column].strip() for _, cells in table.rows]
        if not any(cells):
            raise ValueError(f"{path}: its column {column!r} names no file")
        if blank := cells.count(""):
            verb = "names no file and is" if blank == 1 else "name no file and are"
            self.notes.append(f"{path}: {blank:,} of its rows {verb} left out")
        if column != "file":
            self.notes.append(f"{path}: the files are in column {column!r}")
        for cell in filter(None, cells):
            self._add(cell, path.parent / cell)


def _files(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """Yield the files below a folder; a folder that links lead to several times comes once."""
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in seen:
        return
    seen.add(identity)
    for path in entries(folder):
        if path.is_dir():
            yield from _files(path, seen)
        else:
            yield path
