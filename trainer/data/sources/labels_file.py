"""Data sets whose images are listed in tables with their classes, such as labels.csv."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from search_space.checks import require
from trainer.config import ReadingConfig
from trainer.data.labels import Indices, Labels, encode
from trainer.data.sources.csv_table import Table, read_table
from trainer.data.sources.entries import counted
from trainer.data.sources.groups import find_group_column, group_codes
from trainer.data.sources.image_index import ImageIndex
from trainer.data.sources.label_cells import SEPARATOR, separator_notes
from trainer.data.sources.source import FileSource, LabelledFiles
from trainer.data.sources.split_names import (
    SPLIT_NAMES,
    find_splits,
    in_split_order,
    nearest_split,
    split_of,
)
from trainer.data.sources.table_columns import Columns, choose_columns

LABELS_FILE = "labels.csv"
# The labels of an image that only the organisers of a competition know.
SECRET = ((), ("-1",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of a table.

    Attributes:
        table: The file.
        line: Line number, from 1, for error messages.
        cell: The name of the image in the table.
        file: Path of the image, relative to the folder; None if it is missing.
        class_names: Classes of the image; none if the cell is empty.
        split: "train", "validation" or "test".
        group: The value of the group column, or None.
    """

    table: Path
    line: int
    cell: str
    file: str | None
    class_names: tuple[str, ...]
    split: str
    group: str | None


class _ReadTable(NamedTuple):
    """A table, its columns, and the split of its rows unless a column has it."""

    table: Table
    columns: Columns
    split: str
    group_column: str | None


def labels_file_source(root: Path, reading: ReadingConfig = ReadingConfig()) -> FileSource:  # noqa: B008 (it is frozen)
    """Read ``labels.csv`` in `root`; see `tables_source`."""
    return tables_source(root, {"train": root / LABELS_FILE}, reading)


def tables_source(root: Path, paths: Mapping[str, Path], reading: ReadingConfig) -> FileSource:
    """Read tables with a row per image: one table with a column of splits, or one per split.

    Names of files are relative to the table; see `ImageIndex` for others. Labels are separated by
    semicolons; repeated labels count once. If every image has one label, the labels are (count,).
    Other columns, and images that no table lists, are ignored.

    Args:
        root: The folder of the data set.
        paths: The tables; their rows are of this split unless there is a column of splits.
        reading: How the images are found.

    Raises:
        ValueError: If a row or an image is invalid; the message names the first.
        OSError: If a file cannot be read.
    """
    tables = [_read(path, split, reading) for split, path in paths.items()]
    index = ImageIndex(root)
    rows = [row for table in tables for row in _rows(table, root, index)]
    first = tables[0].table.path
    rows, unlabelled = _with_labels(rows)
    if not any(row.split == "train" for row in rows):
        raise ValueError(f"{first} names no image for training")
    _check_files(rows)
    notes = (*unlabelled, *_column_notes(tables), *_name_notes(root, rows))
    notes += separator_notes(str(first), [row.class_names for row in rows])
    present = {row.split for row in rows}
    by_split = in_split_order({one: [row for row in rows if row.split == one] for one in present})
    groups: Mapping[str, Indices] = {}
    if (column := tables[0].group_column) is not None:
        values = {split: [row.group for row in of] for split, of in by_split.items()}
        groups, note = group_codes(str(first), column, values)
        notes += (note,)
    single = all(len({*row.class_names}) == 1 for row in rows)
    splits = {}
    for split, split_rows in by_split.items():
        codes, used = encode([row.class_names for row in split_rows])
        splits[split] = LabelledFiles(
            labels=Labels(codes=codes.reshape(-1) if single else codes, class_names=tuple(used)),
            paths=[root / str(row.file) for row in split_rows],
            groups=groups.get(split),
        )
    return FileSource(
        name=root.resolve().name,
        # Of the content that was read, because the labels are part of the identity.
        identity=f"{LABELS_FILE} {_digest(tables)}",
        files={
            f"{split}/{row.file}": root / str(row.file)
            for split, split_rows in by_split.items()
            for row in split_rows
        },
        notes=notes,
        root=root,
        splits=splits,
    )


def _read(path: Path, split: str, reading: ReadingConfig) -> _ReadTable:
    table = read_table(path)
    group = find_group_column(str(path), table.columns, reading.group_column)
    return _ReadTable(table, choose_columns(table), split, group)


def _rows(read: _ReadTable, root: Path, index: ImageIndex) -> list[Row]:
    """Return the rows of a table, each checked separately."""
    table, columns = read.table, read.columns
    try:
        named: Mapping[str, str] = SPLIT_NAMES
        if columns.split is not None:
            values = {cells[columns.split].strip().lower() for _, cells in table.rows}
            found = find_splits("column split", values & SPLIT_NAMES.keys())
            named = {name: split for split, name in found.names.items()}
        return [_row(line, cells, read, named, root, index) for line, cells in table.rows]
    except ValueError as error:
        raise ValueError(f"{table.path}: {error}") from error


def _row(
    line: int,
    cells: Mapping[str, str],
    read: _ReadTable,
    named: Mapping[str, str],
    root: Path,
    index: ImageIndex,
) -> Row:
    columns, base = read.columns, read.table.path.parent
    file = cells[columns.file].strip()
    place = PurePosixPath(file)
    if place.is_absolute() and place.is_relative_to(root.resolve()):
        place = place.relative_to(root.resolve())
        base = root
    is_below = bool(file) and not place.is_absolute() and ".." not in place.parts
    require(is_below, f"line {line}: {columns.file}", "a place below the folder", file)
    label = cells[columns.label]
    class_names = tuple(name for name in map(str.strip, label.split(SEPARATOR)) if name)
    split = read.split
    if columns.split is not None:
        word = cells[columns.split].strip().lower()
        near = nearest_split(word)
        rule = f"one of {', '.join(SPLIT_NAMES)}" + (f" (did you mean {near}?)" if near else "")
        require(split_of(word) is not None, f"line {line}: split", rule, word)
        split = named[word]
    if not class_names and split == "train":
        raise ValueError(f"line {line}: {file} has no label")
    try:
        path = index.find(str(place), base, split)
    except ValueError as error:
        raise ValueError(f"line {line}: {error}") from error
    return Row(
        table=read.table.path,
        line=line,
        cell=file,
        file=None if path is None else path.relative_to(root).as_posix(),
        class_names=class_names,
        split=split,
        group=None if read.group_column is None else cells.get(read.group_column, ""),
    )


def _with_labels(rows: Sequence[Row]) -> tuple[list[Row], tuple[str, ...]]:
    """Return the rows without the splits whose labels are secret, and a note on each of these.

    Raises:
        ValueError: If a part of a split has no labels; names the first line.
    """
    notes = []
    for split in ("validation", "test"):
        of_split = [row for row in rows if row.split == split]
        if of_split and all(row.class_names in SECRET for row in of_split):
            rows = [row for row in rows if row.split != split]
            notes.append(f"split {split} has no labels, and is not used")
    for row in rows:
        if not row.class_names:
            raise ValueError(f"{row.table}: line {row.line}: {row.cell} has no label")
    return [*rows], tuple(notes)


def _check_files(rows: Sequence[Row]) -> None:
    """Raise if images are missing, with their number and the first, or listed twice."""
    if missing := [row for row in rows if row.file is None]:
        first = missing[0]
        raise ValueError(
            f"{first.table}: {len(missing)} of its {len(rows)} files are missing, first: line "
            f"{first.line}, {first.cell}"
        )
    seen: dict[str, Row] = {}
    for row in rows:
        other = seen.setdefault(str(row.file), row)
        if other is not row:
            raise ValueError(
                f"{row.table}: {row.file} is named twice, in lines {other.line} and {row.line}"
                f"{'' if row.table == other.table else f' of {other.table}'}"
            )


def _column_notes(tables: Sequence[_ReadTable]) -> tuple[str, ...]:
    """Return sentences about columns with other names than those of the documentation."""
    return tuple(
        f"{read.table.path.name}: the files are in column {read.columns.file!r}, the labels in "
        f"column {read.columns.label!r}"
        for read in tables
        if (read.columns.file, read.columns.label) != ("file", "labels")
    )


def _name_notes(root: Path, rows: Sequence[Row]) -> tuple[str, ...]:
    """Return a sentence about images whose path is not that in the table."""
    other = [
        row
        for row in rows
        if root / str(row.file) not in (row.table.parent / row.cell, Path(row.cell))
    ]
    if not other:
        return ()
    return (f"{counted(len(other), 'image')} found by name: {other[0].cell!r} is {other[0].file}",)


def _digest(tables: Sequence[_ReadTable]) -> str:
    if len(tables) == 1:
        return tables[0].table.digest
    together = "".join(f"{read.split} {read.table.digest}\n" for read in tables)
    return hashlib.sha256(together.encode()).hexdigest()
