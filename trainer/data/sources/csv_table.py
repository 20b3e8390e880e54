"""Tables in CSV and JSON Lines files, with the line of every row."""

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_space.text_files import parse_json

# Of spreadsheets, in the order of preference for a header that any of them parts equally.
DELIMITERS = (",", ";", "\t")
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """The content of a file.

    Attributes:
        path: The file.
        columns: Names of the columns.
        rows: The line number, from 1, and the cells of each row.
        digest: SHA-256 of the file's bytes.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, Mapping[str, str]], ...]
    digest: str


def read_table(path: Path) -> Table:
    """Read a CSV file with a header, or a JSON Lines file with an object in each line.

    A CSV file is parted by commas, semicolons or tabs, and encoded in UTF-8, or in UTF-16 with a
    byte order mark. Blank lines are ignored.

    Raises:
        ValueError: If the file cannot be read as such; the message names the line.
        OSError: If the file cannot be read at all.
    """
    content = path.read_bytes()
    try:
        text = _decoded(content)
        is_json = path.suffix.lower() == ".jsonl"
        columns, rows = _json_rows(text) if is_json else _csv_rows(text)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as CSV: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Table(path=path, columns=columns, rows=rows, digest=hashlib.sha256(content).hexdigest())


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")


def _csv_rows(text: str) -> tuple[tuple[str, ...], tuple[tuple[int, Mapping[str, str]], ...]]:
    header = next(iter(text.splitlines()), "")
    counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda mark: counts[mark])
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
    columns = tuple(name.strip() for name in reader.fieldnames or ())
    if double := [name for name in columns if columns.count(name) > 1]:
        raise ValueError(f"has two columns called {double[0]!r}")
    reader.fieldnames = columns
    return columns, tuple(_checked(reader))


def _checked(reader: "csv.DictReader[str]") -> Iterator[tuple[int, Mapping[str, str]]]:
    for cells in reader:
        row: Mapping[Any, Any] = cells
        if None in row or None in row.values():  # the reader's signs for more and fewer cells
            raise ValueError(
                f"line {reader.line_num} has not as many cells as the header; a cell that "
                f"contains {reader.reader.dialect.delimiter!r} must be in quotes"
            )
        yield reader.line_num, cells


def _json_rows(text: str) -> tuple[tuple[str, ...], tuple[tuple[int, Mapping[str, str]], ...]]:
    rows = []
    columns: dict[str, None] = {}
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            cells = parse_json(content)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"line {line} is not JSON: {error}") from error
        if not isinstance(cells, dict):
            raise ValueError(f"line {line} must be an object")
        single = {name: _text(cell) for name, cell in cells.items() if not isinstance(cell, dict)}
        columns |= dict.fromkeys(single)
        rows.append((line, single))
    complete = dict.fromkeys(columns, "")
    return tuple(columns), tuple((line, {**complete, **cells}) for line, cells in rows)


def _text(cell: object) -> str:
    """Return a value of JSON as a cell of CSV; labels in a list are separated by semicolons."""
    if isinstance(cell, list):
        return ";".join(_text(one) for one in cell if not isinstance(one, dict | list))
    return "" if cell is None else str(cell)
