"""The rows of tables of images: file, classes, split and group of each image."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from search_space.checks import require
from trainer.config import ReadingConfig
from trainer.data.sources.csv_table import Table, read_table
from trainer.data.sources.groups import find_group_column
from trainer.data.sources.image_index import ImageIndex
from trainer.data.sources.split_names import SPLIT_NAMES, find_splits, nearest_split, split_of
from trainer.data.sources.table_columns import Columns, choose_columns


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


class ReadTable(NamedTuple):
    """A table, its columns, and the split of its rows unless a column has it."""

    table: Table
    columns: Columns
    split: str
    group_column: str | None


def read_columns(path: Path, split: str, reading: ReadingConfig) -> ReadTable:
    """Read a table and choose its columns; `split` is that of its rows without a column.

    Raises:
        ValueError: If the table cannot be read, or a column is not known.
        OSError: If the file cannot be read.
    """
    table = read_table(path)
    group = find_group_column(str(path), table.columns, reading.group_column)
    return ReadTable(table, choose_columns(table, group), split, group)


def read_rows(read: ReadTable, root: Path, index: ImageIndex) -> tuple[list[Row], tuple[str, ...]]:
    """Return the rows of a table, each checked separately, and notes, a sentence each.

    Raises:
        ValueError: If a row is invalid; names its line.
        OSError: If the folder of the images cannot be read.
    """
    table, columns = read.table, read.columns
    try:
        words = {columns.split_name(cells) for _, cells in table.rows} & SPLIT_NAMES.keys()
        found = find_splits("column split", filter(None, words))
        named = {name: split for split, name in found.names.items()}
        rows = [_row(line, cells, read, named, root, index) for line, cells in table.rows]
    except ValueError as error:
        raise ValueError(f"{table.path}: {error}") from error
    return [row for row in rows if row is not None], found.notes


def _row(
    line: int,
    cells: Mapping[str, str],
    read: ReadTable,
    named: Mapping[str, str],
    root: Path,
    index: ImageIndex,
) -> Row | None:
    """Return a row; None if its split is ignored."""
    columns, base = read.columns, read.table.path.parent
    file = cells[columns.file].strip()
    place = PurePosixPath(file)
    if place.is_absolute() and place.is_relative_to(root.resolve()):
        place = place.relative_to(root.resolve())
        base = root
    is_below = bool(file) and not place.is_absolute() and ".." not in place.parts
    require(is_below, f"line {line}: {columns.file}", "a place below the folder", file)
    class_names = columns.class_names(cells)
    split: str | None = read.split
    if (word := columns.split_name(cells)) is not None:
        near = nearest_split(word)
        rule = f"one of {', '.join(SPLIT_NAMES)}" + (f" (did you mean {near}?)" if near else "")
        require(split_of(word) is not None, f"line {line}: split", rule, word)
        split = named.get(word)
    if split is None:
        return None
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
