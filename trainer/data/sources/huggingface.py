"""Parquet files and data sets of the Hugging Face hub; the only user of `datasets`."""

import glob
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetsError
from huggingface_hub import utils as hub

from trainer.data.sources.columns import declared_names, find_column, read_labels
from trainer.data.sources.parquet_files import parquet_files
from trainer.data.sources.source import OpenedSource, RawImage, Source, SourceSplit
from trainer.data.sources.split_names import SPLIT_NAMES, in_split_order


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _TableSplit(SourceSplit):
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
        cells = self.rows[start:stop].column(0).to_pylist()
        return [_encoded(cell, self.place, self.follow_paths) for cell in cells]

    def where(self, index: int) -> str:
        return f"{self.place}, row {index}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableSource(Source):
    """A data set with one table per split.

    Attributes:
        place: The data set, for error messages.
        downloaded: The tables of a downloaded data set by split; None reads the parquet files.
    """

    place: str
    downloaded: Mapping[str, Any] | None = None

    def open(self, scratch: Path, /) -> OpenedSource:
        """Read the labels of every split; parquet files are mapped from a copy in `scratch`."""
        tables = _read_parquet(self.files, scratch) if self.downloaded is None else self.downloaded
        named = {SPLIT_NAMES[split]: tables[split] for split in tables if split in SPLIT_NAMES}
        if "train" not in named:
            raise ValueError(f"{self.place} has no split train")
        class_names: tuple[str, ...] = ()
        splits: dict[str, SourceSplit] = {}
        for split, table in in_split_order(named).items():
            place = f"{self.place}, split {split}"
            image = find_column(place, table.features, "image")
            label = find_column(place, table.features, "label")
            values = table.select_columns([label]).with_format("arrow")[:][label]
            known = declared_names(table.features[label])
            labels = read_labels(place, values, known, may_be_unlabelled=split != "train")
            if labels is None:
                continue
            class_names = labels.class_names if split == "train" else class_names
            if split != "train" and labels.codes.ndim != splits["train"].labels.ndim:
                raise ValueError(f"{place}: labels must be lists in every split, or in none")
            splits[split] = _TableSplit(
                labels=labels.recoded(self.place, split, class_names),
                place=place,
                rows=table.select_columns([image]).with_format("arrow"),
                follow_paths=self.downloaded is not None,
            )
        return OpenedSource(name=self.place, class_names=class_names, splits=splits)


def parquet_source(path: Path) -> TableSource:
    """Find the parquet files of a folder by the split in their names, or take a single file.

    In a folder, or its folder ``data``, names begin with the split: ``train-00000.parquet``,
    ``validation.parquet``. A single file is the training split.

    Raises:
        ValueError: If the name of a file begins with no split, or none begins with "train".
        OSError: If the folder cannot be read.
    """
    files = {"train": [path]} if path.is_file() else _files_by_split(path)
    return TableSource(
        name=path.resolve().stem if path.is_file() else path.resolve().name,
        identity="parquet",
        files={
            f"{split}/{number}": file
            for split, split_files in files.items()
            for number, file in enumerate(split_files)
        },
        place=str(path),
    )


def hub_source(name: str, download_folder: Path) -> TableSource:
    """Download a data set such as ``owner/name`` of the Hugging Face hub.

    `download_folder` keeps the download, so that another image size needs no network.

    Raises:
        OSError: If the hub cannot be reached or does not have the data set.
        ValueError: If the data set cannot be read.
    """
    with _quiet():
        try:
            loaded = dict(datasets.load_dataset(name, cache_dir=str(download_folder)))
        except (OSError, ValueError, DatasetsError) as error:
            reason = " ".join(str(error).split())
            raise OSError(
                f"{name!r} is no folder here, and as a data set of the Hugging Face hub it "
                f"cannot be loaded: {reason}"
            ) from error
    return TableSource(
        name=name,
        identity=f"hub {name}",
        files={
            f"{split}/{number}": Path(file["filename"])
            for split, table in loaded.items()
            for number, file in enumerate(table.cache_files)
        },
        place=name,
        downloaded=loaded,
    )


def _files_by_split(folder: Path) -> dict[str, list[Path]]:
    files: dict[str, list[Path]] = {}
    for path in parquet_files(folder):
        word = re.split(r"[-_.]", path.name.lower())[0]
        if word not in SPLIT_NAMES:
            known = ", ".join(SPLIT_NAMES)
            raise ValueError(f"{path} must be named after its split, one of {known}")
        files.setdefault(SPLIT_NAMES[word], []).append(path)
    if "train" not in files:
        raise ValueError(f"{folder} has no parquet file whose name begins with train")
    return in_split_order(files)


def _read_parquet(files: Mapping[str, Path], scratch: Path) -> dict[str, Any]:
    """Return one table per split of files named ``split/number``."""
    by_split: dict[str, list[Path]] = {}
    for key, path in files.items():
        by_split.setdefault(key.partition("/")[0], []).append(path)
    tables = {}
    for split, paths in by_split.items():
        patterns = [glob.escape(str(path.resolve())) for path in paths]
        with _quiet():
            try:
                tables[split] = datasets.Dataset.from_parquet(
                    patterns, split=split, cache_dir=str(scratch)
                )
            except (ValueError, DatasetsError) as error:
                if isinstance(error.__cause__, OSError):  # such as a full disk
                    raise error.__cause__ from error
                reason = " ".join(str(error.__cause__ or error).split())
                some = paths[0] if len(paths) == 1 else f"{paths[0].parent} ({split})"
                raise ValueError(f"{some} cannot be read as parquet: {reason}") from error
    return tables


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


@contextmanager
def _quiet() -> Iterator[None]:
    """Disable the libraries' progress bars and log lines within the context."""
    logs = [logging.getLogger(name) for name in ("datasets", "huggingface_hub")]
    levels = [log.level for log in logs]
    bars = [library for library in (datasets, hub) if not library.are_progress_bars_disabled()]
    for log in logs:
        log.setLevel(logging.CRITICAL)
    for library in bars:
        library.disable_progress_bars()
    try:
        yield
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
        for library in bars:
            library.enable_progress_bars()
