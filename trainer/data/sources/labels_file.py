"""Data sets in a folder with a labels.csv, which lists the classes of each image."""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from search_space.checks import require
from trainer.data.labels import Labels, encode
from trainer.data.sources.source import FileSource, LabelledFiles
from trainer.data.sources.split_names import SPLIT_NAMES, in_split_order

LABELS_FILE = "labels.csv"
COLUMNS = ("file", "labels")
SPLIT_COLUMN = "split"
SEPARATOR = ";"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the file.

    Attributes:
        line: Line number, from 1, for error messages.
        file: Path of the image, relative to the folder.
        class_names: Classes of the image.
        split: "train", "validation" or "test".
    """

    line: int
    file: str
    class_names: tuple[str, ...]
    split: str


def labels_file_source(root: Path) -> FileSource:
    """Read ``labels.csv`` in `root`, with columns file, labels and optionally split.

    File paths are relative to `root`. Labels are separated by semicolons; repeated labels count
    once. Without a column split all images are for training. Other columns, and images that the
    file does not list, are ignored.

    Raises:
        ValueError: If a row or an image is invalid; the message names the first.
        OSError: If the file cannot be read.
    """
    table = root / LABELS_FILE
    content = table.read_bytes()
    rows = _rows(table, content)
    _check_files(table, root, rows)
    by_split: dict[str, list[Row]] = {}
    for row in rows:
        by_split.setdefault(row.split, []).append(row)
    splits = {}
    for split, split_rows in in_split_order(by_split).items():
        codes, used = encode([row.class_names for row in split_rows])
        labels = Labels(codes=codes, class_names=tuple(used))
        paths = [root / row.file for row in split_rows]
        splits[split] = LabelledFiles(labels=labels, paths=paths)
    return FileSource(
        name=root.resolve().name,
        # Of the content that was read, because the labels are part of the identity.
        identity=f"{LABELS_FILE} {hashlib.sha256(content).hexdigest()}",
        files={
            f"{split}/{row.file}": root / row.file for split in splits for row in by_split[split]
        },
        root=root,
        splits=splits,
    )


def _rows(table: Path, content: bytes) -> list[Row]:
    """Return the rows of the file, each checked separately; blank lines are ignored."""
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        reader = csv.DictReader(text, strict=True)
        header = reader.fieldnames or ()
        if missing := [column for column in COLUMNS if column not in header]:
            found = ", ".join(header) or "none"
            raise ValueError(
                f"needs the columns {' and '.join(COLUMNS)}, lacks {' and '.join(missing)}; its "
                f"columns are: {found} (if the folders are the classes, rename the file)"
            )
        has_split = SPLIT_COLUMN in header
        rows = [_row(reader.line_num, cells, has_split=has_split) for cells in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{table} cannot be read as CSV: {error}") from error
    except ValueError as error:
        raise ValueError(f"{table}: {error}") from error
    if not any(row.split == "train" for row in rows):
        raise ValueError(f"{table} names no image for training")
    return rows


def _row(line: int, cells: dict[str | Any, str | Any], *, has_split: bool) -> Row:
    if None in cells or None in cells.values():  # the reader's signs for more and fewer cells
        raise ValueError(f"line {line} has not as many cells as the header")
    file, labels, split = (
        (cells.get(column) or "").strip() for column in (*COLUMNS, SPLIT_COLUMN)
    )
    place = PurePosixPath(file)
    is_below = bool(file) and not place.is_absolute() and ".." not in place.parts
    require(is_below, f"line {line}: file", "a place below the folder", file)
    class_names = tuple(name for name in map(str.strip, labels.split(SEPARATOR)) if name)
    if not class_names:
        raise ValueError(f"line {line}: {file} has no label")
    split = split.lower() if has_split else "train"
    require(split in SPLIT_NAMES, f"line {line}: split", f"one of {', '.join(SPLIT_NAMES)}", split)
    return Row(line=line, file=str(place), class_names=class_names, split=SPLIT_NAMES[split])


def _check_files(table: Path, root: Path, rows: list[Row]) -> None:
    """Raise if images are missing, with their number and the first, or listed twice."""
    missing = [row for row in rows if not (root / row.file).is_file()]  # a FIFO is not a file
    if missing:
        first = missing[0]
        raise ValueError(
            f"{table}: {len(missing)} of its {len(rows)} files are missing, first: line "
            f"{first.line}, {first.file}"
        )
    seen: dict[str, int] = {}
    for row in rows:
        if row.file in seen:
            raise ValueError(
                f"{table}: {row.file} is named twice, in lines {seen[row.file]} and {row.line}"
            )
        seen[row.file] = row.line
