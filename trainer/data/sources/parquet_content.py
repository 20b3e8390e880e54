"""Checks of the content of parquet files, so that a message names the file at fault."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from trainer.data.sources.csv_table import LFS_POINTER


def with_rows(paths: Sequence[Path]) -> list[Path]:
    """Return the files that have rows, in their order; their columns must be the same.

    Only the ends of the files are read.

    Raises:
        ValueError: If a file is not parquet, or has other columns than the first; names it.
        OSError: If a file cannot be read.
    """
    found: list[Path] = []
    columns: list[str] = []
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                rows, names = file.metadata.num_rows, file.schema_arrow.names
        except pa.ArrowException as error:
            raise ValueError(f"{path} {_fault(path, error)}") from error
        if not rows:
            continue
        columns = columns or names
        if sorted(names) != sorted(columns):
            raise ValueError(
                f"{path} has the columns {', '.join(names)}, but {found[0]} has "
                f"{', '.join(columns)}"
            )
        found.append(path)
    return found


def _fault(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        start = file.read(1024)
    if start.startswith(LFS_POINTER):
        return "is a Git LFS pointer; git lfs pull fetches the file"
    if not start:
        return "is empty (0 bytes)"
    if start.lstrip()[:5].lower() in (b"<html", b"<!doc"):
        return "seems to be an HTML page, not a parquet file"
    return f"cannot be read as parquet: {' '.join(str(error).split())}"


def damaged_file(paths: Sequence[Path]) -> Path | None:
    """Return the first file that cannot be read to its end, or None; a single one is returned."""
    if len(paths) == 1:
        return paths[0]
    for path in paths:
        try:
            with pq.ParquetFile(path) as file:
                for _ in file.iter_batches(batch_size=256):
                    pass
        except (pa.ArrowException, OSError):
            return path
    return None
