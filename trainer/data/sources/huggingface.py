"""The only door to Hugging Face `datasets`: parquet files here, and data sets of the hub."""

import glob
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from datasets.exceptions import DatasetsError
from huggingface_hub import utils as hub

from trainer.data.label_sets import NO_LABEL
from trainer.data.sources.columns import declared_names, image_column, label_column, read_labels
from trainer.data.sources.folder import parquet_files
from trainer.data.sources.source import (
    SPLIT_NAMES,
    OpenedSource,
    RawImage,
    Source,
    SourceFile,
    SourceSplit,
    relabel,
)


def parquet_source(path: Path) -> Source:
    """Find the parquet files of a folder by the split in their names, or take a single file.

    In a folder, or its folder ``data``, names begin with the split: ``train-00000.parquet``,
    ``validation.parquet``. A single file is the training split.

    Raises:
        ValueError: If a file of the folder names no split, or none names "train".
        OSError: If the folder cannot be read.
    """
    files = {"train": [path]} if path.is_file() else _files_by_split(path)
    return Source(
        name=path.resolve().stem if path.is_file() else path.resolve().name,
        identity="parquet",
        files=tuple(
            SourceFile(key=f"{split}/{number}", path=file)
            for split, split_files in files.items()
            for number, file in enumerate(split_files)
        ),
        default_flip=True,
        open=lambda scratch: _open(str(path), partial(_read_parquet, files, scratch)),
    )


def hub_source(name: str, download_folder: Path) -> Source:
    """Download a data set of the Hugging Face hub, or find it where it was downloaded before.

    Args:
        name: Such as ``owner/name``.
        download_folder: Keeps the download, so that another image size needs no network.

    Raises:
        OSError: If the hub cannot be reached or does not know the name.
        ValueError: If the data set cannot be read.
    """
    with _quiet():
        try:
            loaded = datasets.load_dataset(name, cache_dir=str(download_folder))
        except (OSError, ValueError, DatasetsError) as error:
            reason = " ".join(str(error).split())
            raise OSError(
                f"{name!r} is no folder here, and as a data set of the Hugging Face hub it "
                f"cannot be loaded: {reason}"
            ) from error
    tables = dict(loaded)
    return Source(
        name=name,
        identity=f"hub {name}",
        files=tuple(
            SourceFile(key=f"{split}/{number}", path=Path(file["filename"]))
            for split, table in tables.items()
            for number, file in enumerate(table.cache_files)
        ),
        default_flip=True,
        open=lambda _: _open(name, lambda: tables, follow_paths=True),
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
    return {split: files[split] for split in ("train", "validation", "test") if split in files}


def _read_parquet(files: Mapping[str, Sequence[Path]], scratch: Path) -> dict[str, Any]:
    """Return a table a split, mapped from a copy in `scratch`."""
    tables = {}
    for split, paths in files.items():
        patterns = [glob.escape(str(path.resolve())) for path in paths]
        with _quiet():
            try:
                tables[split] = datasets.Dataset.from_parquet(
                    patterns, split=split, cache_dir=str(scratch)
                )
            except (ValueError, DatasetsError) as error:
                if isinstance(error.__cause__, OSError):  # a full disk, say: not the file's fault
                    raise error.__cause__ from error
                reason = " ".join(str(error.__cause__ or error).split())
                some = paths[0] if len(paths) == 1 else f"{paths[0].parent} ({split})"
                raise ValueError(f"{some} cannot be read as parquet: {reason}") from error
    return tables


def _open(
    name: str, tables: Callable[[], Mapping[str, Any]], *, follow_paths: bool = False
) -> OpenedSource:
    """Read the labels of every split and say how to read its images."""
    named = {
        SPLIT_NAMES[split]: table for split, table in tables().items() if split in SPLIT_NAMES
    }
    if "train" not in named:
        raise ValueError(f"{name} has no split train")
    class_names: tuple[str, ...] | None = None
    splits: dict[str, SourceSplit] = {}
    for split, table in sorted(named.items(), key=lambda item: item[0] != "train"):
        place = f"{name}, split {split}"
        image, label = image_column(place, table.features), label_column(place, table.features)
        values = table.select_columns([label]).with_format("arrow")[:][label]
        known = declared_names(table.features[label])
        labelled = read_labels(place, values, known, may_be_unlabelled=class_names is not None)
        if labelled is None:
            continue
        if class_names is None:
            class_names = labelled.class_names
        elif labelled.codes.ndim != splits["train"].labels.ndim:
            raise ValueError(f"{place}: labels must be lists in every split, or in none")
        positions = relabel(name, split, labelled.class_names, class_names)
        rows = table.select_columns([image]).with_format("arrow")
        splits[split] = SourceSplit(
            # The last place, -1, keeps what fills up the rows of images of several classes.
            labels=np.array([*positions, NO_LABEL], np.int64)[labelled.codes],
            read=partial(_read, rows, place, follow_paths),
            where=partial("{}, row {}".format, place),
        )
    return OpenedSource(name=name, class_names=class_names or (), splits=splits)


def _read(rows: Any, place: str, follow_paths: bool, start: int, stop: int) -> list[RawImage]:
    """Return the encoded images [start, stop) of a table that has no other column."""
    cells = rows[start:stop].column(0).to_pylist()
    return [_encoded(cell, place, follow_paths) for cell in cells]


def _encoded(cell: object, place: str, follow_paths: bool) -> bytes | None:
    """Return a cell's bytes. A hub set of loose files has their downloaded paths instead.

    Raises:
        ValueError: If the column holds something else.
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
    """Switch the libraries' bars and log lines off, and back to how they were."""
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
