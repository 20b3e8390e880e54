"""Parquet files of a folder."""

from pathlib import Path


def parquet_files(root: Path) -> list[Path]:
    """Return the parquet files of `root` and its folder ``data``, sorted, without hidden ones."""
    files = [*root.glob("*.parquet"), *root.glob("data/*.parquet")]
    return sorted(file for file in files if not file.name.startswith("."))
