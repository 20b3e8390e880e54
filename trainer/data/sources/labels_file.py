"""Images anywhere below a folder, of several classes each, as its labels.csv says."""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from trainer.data.label_sets import padded
from trainer.data.sources.source import (
    SPLIT_NAMES,
    OpenedSource,
    RawImage,
    Source,
    SourceFile,
    SourceSplit,
    relabel,
)

LABELS_FILE = "labels.csv"
COLUMNS = ("file", "labels")
SPLIT_COLUMN = "split"
SEPARATOR = ";"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A line of the file.

    Attributes:
        line: Its number, from 1, for errors.
        file: The image's place below the folder.
        class_names: Of the image.
        split: "train", "validation" or "test".
    """

    line: int
    file: str
    class_names: tuple[str, ...]
    split: str


def labels_file_source(root: Path) -> Source:
    """Read ``labels.csv`` of `root`: its columns file and labels, and split where there is one.

    A file's place is relative to `root`; labels are separated by semicolons, and one that is
    repeated counts once. Without a column split all images are for training. Other columns, and
    images that the file does not name, are passed over.

    Raises:
        ValueError: If a row or an image is at fault; one line that names the first.
        OSError: If the file cannot be read.
    """
    table = root / LABELS_FILE
    content = table.read_bytes()
    rows = _rows(table, content)
    _check_files(table, root, rows)
    splits = {
        split: [row for row in rows if row.split == split]
        for split in ("train", "validation", "test")
    }
    return Source(
        name=root.resolve().name,
        # What was read, not what lies there later: the labels are part of the content's name.
        identity=f"{LABELS_FILE} {hashlib.sha256(content).hexdigest()}",
        files=tuple(
            SourceFile(key=f"{split}/{row.file}", path=root / row.file)
            for split, chosen in splits.items()
            for row in chosen
        ),
        default_flip=True,
        open=lambda _: _open(root, {split: chosen for split, chosen in splits.items() if chosen}),
    )


def _open(root: Path, splits: dict[str, list[_Row]]) -> OpenedSource:
    class_names = tuple(_class_names(splits["train"]))
    opened = {}
    for split, rows in splits.items():
        used = _class_names(rows)
        positions = relabel(str(root), split, used, class_names)
        opened[split] = _split(root, rows, dict(zip(used, positions, strict=True)))
    return OpenedSource(name=str(root), class_names=class_names, splits=opened)


def _class_names(rows: list[_Row]) -> list[str]:
    return sorted({class_name for row in rows for class_name in row.class_names})


def _split(root: Path, rows: list[_Row], positions: dict[str, int]) -> SourceSplit:
    def read(start: int, stop: int) -> list[RawImage]:
        return [(root / row.file).read_bytes() for row in rows[start:stop]]

    return SourceSplit(
        labels=padded([[positions[name] for name in row.class_names] for row in rows]),
        read=read,
        where=lambda i: str(root / rows[i].file),
    )


def _rows(table: Path, content: bytes) -> list[_Row]:
    """Return the rows of the file, each checked by itself; blank lines are passed over."""
    try:
        text = io.StringIO(content.decode("utf-8-sig"), newline="")
        reader = csv.DictReader(text, strict=True)
        header = reader.fieldnames or ()
        if missing := [column for column in COLUMNS if column not in header]:
            found = ", ".join(header) or "none"
            raise ValueError(
                f"needs the columns {' and '.join(COLUMNS)}, lacks {' and '.join(missing)}; its "
                f"columns are: {found} (if folders say the classes, rename it)"
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


def _row(line: int, cells: dict[str | Any, str | Any], *, has_split: bool) -> _Row:
    if None in cells or None in cells.values():  # how the reader says more and fewer
        raise ValueError(f"line {line} has not as many cells as the header")
    file, labels, split = (
        (cells.get(column) or "").strip() for column in (*COLUMNS, SPLIT_COLUMN)
    )
    place = PurePosixPath(file)
    if not file or place.is_absolute() or ".." in place.parts:
        raise ValueError(f"line {line}: file must be a place below the folder, got {file!r}")
    class_names = tuple(name for name in map(str.strip, labels.split(SEPARATOR)) if name)
    if not class_names:
        raise ValueError(f"line {line}: {file} has no label")
    if has_split and split.lower() not in SPLIT_NAMES:
        raise ValueError(
            f"line {line}: split must be one of {', '.join(SPLIT_NAMES)}, got {split!r}"
        )
    return _Row(
        line=line,
        file=str(place),
        class_names=class_names,
        split=SPLIT_NAMES[split.lower()] if has_split else "train",
    )


def _check_files(table: Path, root: Path, rows: list[_Row]) -> None:
    """Refuse images that are not there or that are named twice.

    Raises:
        ValueError: If there are any; says how many, and names the first.
    """
    missing = [row for row in rows if not (root / row.file).is_file()]  # a FIFO is none
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
