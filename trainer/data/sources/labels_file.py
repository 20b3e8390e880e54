"""Data sets whose images are listed in tables with their classes, such as labels.csv."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from search_space.command_line.terminal import visible
from search_space.counted import counted
from trainer.config import ReadingConfig
from trainer.data.labels import Indices, Labels, encode
from trainer.data.sources.entries import first_ones
from trainer.data.sources.groups import group_codes
from trainer.data.sources.image_index import ImageIndex
from trainer.data.sources.label_cells import plain_labels, separator_notes
from trainer.data.sources.source import FileSource, LabelledFiles
from trainer.data.sources.split_names import in_split_order
from trainer.data.sources.table_rows import ReadTable, Row, read_columns, read_rows

LABELS_FILE = "labels.csv"
# The labels of an image that only the organisers of a competition know.
SECRET = ((), ("-1",))


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
    tables = [read_columns(path, split, reading) for split, path in paths.items()]
    index = ImageIndex(root)
    rows, notes = _rows(tables, root, index)
    first = tables[0].table.path
    if not any(row.split == "train" for row in rows):
        raise ValueError(f"{first} names no image for training")
    _check_files(rows)
    notes += (*_column_notes(tables), *_name_notes(root, rows))
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


def _rows(
    tables: Sequence[ReadTable], root: Path, index: ImageIndex
) -> tuple[list[Row], tuple[str, ...]]:
    """Return the labelled rows of all tables, and notes on splits and labels.

    Raises:
        ValueError: If a row is invalid, or a part of a split has no labels; names the first line.
    """
    read = [read_rows(table, root, index) for table in tables]
    rows = [row for of_table, _ in read for row in of_table]
    labels, label_notes = plain_labels([row.class_names for row in rows])
    rows = [replace(row, class_names=names) for row, names in zip(rows, labels, strict=True)]
    rows, unlabelled = _with_labels(rows)
    split_notes = [note for _, notes in read for note in notes]
    return rows, (*split_notes, *unlabelled, *label_notes)


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
            f"{first.line}, {visible(first.cell)}"
        )
    seen: dict[str, Row] = {}
    for row in rows:
        other = seen.setdefault(str(row.file), row)
        if other is not row:
            raise ValueError(
                f"{row.table}: {row.file} is named twice, in lines {other.line} and {row.line}"
                f"{'' if row.table == other.table else f' of {other.table}'}"
            )


def _column_notes(tables: Sequence[ReadTable]) -> tuple[str, ...]:
    """Return sentences about columns with other names than those of the documentation."""
    return tuple(
        f"{read.table.path.name}: the files are in column {read.columns.file!r}, the labels in "
        + (
            f"{len(read.columns.classes)} columns with 0 and 1: {first_ones(read.columns.classes)}"
            if read.columns.classes
            else f"column {read.columns.label!r}"
        )
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


def _digest(tables: Sequence[ReadTable]) -> str:
    if len(tables) == 1:
        return tables[0].table.digest
    together = "".join(f"{read.split} {read.table.digest}\n" for read in tables)
    return hashlib.sha256(together.encode()).hexdigest()
