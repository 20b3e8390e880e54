"""Images in the cells of a table's column."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.data.sources.source import RawImage, SourceSplit


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableSplit(SourceSplit):
    """A split in a table.

    Attributes:
        place: The split, for error messages.
        rows: The table's image column.
        follow_paths: Whether a cell without bytes may contain the path of a downloaded file.
    """

    place: str
    rows: Any
    follow_paths: bool

    def read(self, start: int, stop: int) -> Sequence[RawImage]:
        """Return the cells [start, stop), or the downloaded files that they name."""
        cells = self.rows[start:stop].column(0).to_pylist()
        return [_encoded(cell, self.place, self.follow_paths) for cell in cells]

    def where(self, index: int) -> str:
        """Return the split and the row."""
        return f"{self.place}, row {index}"


def column_of(table: Any, name: str) -> Any:
    """Return a column of a table as an Arrow array."""
    return table.select_columns([name]).with_format("arrow")[:][name]


def _encoded(cell: object, place: str, follow_paths: bool) -> bytes | None:
    """Return a cell's bytes; cells of hub data sets may have the path of a downloaded file.

    Raises:
        ValueError: If the column contains something else.
    """
    if isinstance(cell, dict):
        path = cell.get("path")
        if cell.get("bytes") is None and path and follow_paths:
            return Path(path).read_bytes()
        cell = cell.get("bytes")
    if cell is None or isinstance(cell, bytes):
        return cell
    raise ValueError(f"{place}: images must be stored as encoded bytes, got {type(cell).__name__}")
