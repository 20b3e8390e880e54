"""Tables in CSV and JSON Lines files, with the line of every row."""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_space.counted import counted
from search_space.text_files import parse_json

# Of spreadsheets, in the order of preference for a header that any of them parts equally.
DELIMITERS = (",", ";", "\t", "|")
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl")
MAX_BYTES = 256 * 2**20  # 5 million rows of 50 bytes; they are kept in memory
LFS_POINTER = b"version https://git-lfs"
EXCEL_DELIMITER = re.compile(r"sep=(.)", re.I)  # a first line that only Excel understands


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

    A CSV file is parted by commas, semicolons, tabs or vertical bars, and encoded in UTF-8, or in
    UTF-16 with a byte order mark. Blank lines, spaces before a cell and empty cells behind the
    last column are ignored.

    Raises:
        ValueError: If the file is too large or cannot be read as such; the message names the
            line.
        OSError: If the file cannot be read at all.
    """
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path} is larger than {MAX_BYTES / 2**20:g} MiB, and is not read")
    if content.startswith(LFS_POINTER):
        raise ValueError(f"{path} is a Git LFS pointer; git lfs pull fetches the file")
    try:
        text = _decoded(content)
        is_json = path.suffix.lower() == ".jsonl"
        columns, rows = _json_rows(text) if is_json else _csv_rows(text)
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read as CSV: {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Table(path=path, columns=columns, rows=rows, digest=hashlib.sha256(content).hexdigest())


def _decoded(content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"line {line} is not {encoding[:6].upper().removesuffix('-')} text; save the file "
            f"as UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(
            f"line {line} has the character NUL, as in UTF-16; save the file as UTF-8"
        )
    return text


def _csv_rows(text: str) -> tuple[tuple[str, ...], tuple[tuple[int, Mapping[str, str]], ...]]:
    content = io.StringIO(text, newline="")
    before = 0
    header = content.readline()
    while header and not header.strip():
        before, header = before + 1, content.readline()
    if stated := EXCEL_DELIMITER.fullmatch(header.strip()):
        before, delimiter = before + 1, stated[1]
    else:
        counts = {mark: len(_cells(header, mark)) for mark in DELIMITERS}
        delimiter = max(DELIMITERS, key=lambda mark: counts[mark])
    content.seek(0)
    for _ in range(before):
        content.readline()
    reader = csv.reader(content, strict=True, delimiter=delimiter, skipinitialspace=True)
    names = [name.strip() for name in next(reader, [])]
    if double := [name for name in names if name and names.count(name) > 1]:
        raise ValueError(f"has two columns called {double[0]!r}")
    rows = tuple(_rows(reader, names, before, delimiter))
    # Columns without a name, such as pandas' numbers of the rows, are no columns.
    return tuple(filter(None, names)), rows


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


def _rows(
    reader: Any, names: Sequence[str], before: int, delimiter: str
) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Yield the rows with the numbers of their last lines; `before` are above the header."""
    for cells in reader:
        number = before + reader.line_num
        while len(cells) > len(names) and not cells[-1].strip():
            cells.pop()
        if len(cells) != len(names) and cells:
            raise ValueError(
                f"line {number} has {counted(len(cells), 'cell')}, and the header {len(names)}; a "
                f"cell that contains {delimiter!r} must be in quotes"
            )
        if cells:
            yield number, {name: cell for name, cell in zip(names, cells, strict=True) if name}


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
