"""Parquet files and data sets of the Hugging Face hub; the only user of `datasets`."""

import glob
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetsError
from huggingface_hub import utils as hub

from trainer.config import ReadingConfig
from trainer.data.sources.columns import declared_names, find_column, read_labels
from trainer.data.sources.groups import find_group_column, group_codes
from trainer.data.sources.parquet_content import damaged_file, with_rows
from trainer.data.sources.parquet_files import lone_part_note, parquet_by_split
from trainer.data.sources.source import OpenedSource, Source
from trainer.data.sources.split_names import KNOWN, find_splits
from trainer.data.sources.table_split import TableSplit, column_of


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TableSource(Source):
    """A data set with one table per split.

    Attributes:
        place: The data set, for error messages.
        group_column: The column of the groups that was asked for, or None.
        downloaded: The tables of a downloaded data set by split; None reads the parquet files.
    """

    place: str
    group_column: str | None = None
    downloaded: Mapping[str, Any] | None = None

    def open(self, scratch: Path, /) -> OpenedSource:
        """Read the labels of every split; parquet files are mapped from a copy in `scratch`."""
        tables = _read_parquet(self.files, scratch) if self.downloaded is None else self.downloaded
        if not tables.get("train"):
            raise ValueError(f"{self.place} has no rows for training")
        class_names: tuple[str, ...] = ()
        splits: dict[str, TableSplit] = {}
        notes = []
        for split, table in tables.items():
            place = f"{self.place}, split {split}"
            image = find_column(place, table.features, "image")
            try:
                label = find_column(place, table.features, "label")
            except ValueError:
                if split == "train":
                    raise
                notes.append(f"split {split} has no column of labels, and is not used")
                continue
            known = declared_names(table.features[label])
            values = column_of(table, label)
            labels = read_labels(place, values, known, may_be_unlabelled=split != "train")
            if labels is None:
                notes.append(f"split {split} has no labels, and is not used")
                continue
            class_names = labels.class_names if split == "train" else class_names
            if split != "train" and labels.codes.ndim != splits["train"].labels.ndim:
                raise ValueError(f"{place}: labels must be lists in every split, or in none")
            splits[split] = TableSplit(
                labels=labels.recoded(self.place, split, class_names),
                place=place,
                rows=table.select_columns([image]).with_format("arrow"),
                follow_paths=self.downloaded is not None,
            )
        grouped, group_notes = self._grouped(splits, tables)
        return OpenedSource(
            name=self.place,
            class_names=class_names,
            splits=grouped,
            notes=(*notes, *group_notes),
        )

    def _grouped(
        self, splits: Mapping[str, TableSplit], tables: Mapping[str, Any]
    ) -> tuple[dict[str, TableSplit], tuple[str, ...]]:
        """Return the splits with their groups, and notes; splits may lack the column."""
        column = find_group_column(self.place, tables["train"].features, self.group_column)
        if column is None:
            return dict(splits), ()
        values = {
            split: column_of(tables[split], column).to_pylist()
            for split in splits
            if column in tables[split].features
        }
        codes, note = group_codes(self.place, column, values)
        grouped = {name: replace(part, groups=codes.get(name)) for name, part in splits.items()}
        return grouped, (note,)


def parquet_source(path: Path, reading: ReadingConfig = ReadingConfig()) -> TableSource:  # noqa: B008 (it is frozen)
    """Find the parquet files of a folder by their splits, or take a single file.

    In a folder, or its folder ``data``, names begin with the split (``train-00000.parquet``), or
    the files are in folders of the splits (``train/0000.parquet``). A single file is the training
    split.

    Raises:
        ValueError: If files are named after no split, none is for training, or parts are missing.
        OSError: If the folder cannot be read.
    """
    if path.is_file():
        files: Mapping[str, Sequence[Path]] = {"train": [path]}
        notes = lone_part_note(path)
    else:
        files, notes = parquet_by_split(path, strict=reading.strict)
    return TableSource(
        name=path.resolve().stem if path.is_file() else path.resolve().name,
        identity="parquet",
        files={
            f"{split}/{number}": file
            for split, split_files in files.items()
            for number, file in enumerate(split_files)
        },
        notes=notes,
        place=str(path),
        group_column=reading.group_column,
    )


def hub_source(
    name: str,
    download_folder: Path,
    reading: ReadingConfig = ReadingConfig(),  # noqa: B008 (it is frozen)
) -> TableSource:
    """Download a data set such as ``owner/name`` of the Hugging Face hub.

    `download_folder` keeps the download, so that another image size needs no network.

    Raises:
        OSError: If the hub cannot be reached or does not have the data set.
        ValueError: If the data set cannot be read, or its splits have no usual names.
    """
    with _quiet():
        try:
            loaded = dict(datasets.load_dataset(name, cache_dir=str(download_folder)))
        except (OSError, ValueError, DatasetsError) as error:
            reason = " ".join(str(error).split())
            if "onfig name is missing" in reason:  # of datasets 4
                reason = (
                    "it has several configurations, and --data takes a folder with the parquet "
                    f"files of one of them ({reason})"
                )
            raise OSError(
                f"{name!r} is no folder here, and as a data set of the Hugging Face hub it "
                f"cannot be loaded: {reason}"
            ) from error
    found = find_splits(name, loaded, can_rename=False)
    if "train" not in found.names:
        has = ", ".join(loaded) or "none"
        raise ValueError(f"{name} has no split train; its splits are: {has}, known are {KNOWN}")
    splits = {split: loaded[known] for split, known in found.names.items()}
    ignored = [f"{other} of {name} is no known split and is ignored" for other in found.others]
    return TableSource(
        name=name,
        identity=f"hub {name}",
        # All that was downloaded, which is what earlier versions digested.
        files={
            f"{split}/{number}": Path(file["filename"])
            for split, table in loaded.items()
            for number, file in enumerate(table.cache_files)
        },
        notes=(*found.notes, *ignored),
        place=name,
        group_column=reading.group_column,
        downloaded=splits,
    )


def _read_parquet(files: Mapping[str, Path], scratch: Path) -> dict[str, Any]:
    """Return one table per split of files named ``split/number``; files may have no rows."""
    by_split: dict[str, list[Path]] = {}
    for key, path in files.items():
        by_split.setdefault(key.partition("/")[0], []).append(path)
    tables = {}
    for split, files_of in by_split.items():
        if not (paths := with_rows(files_of)):
            continue
        patterns = [glob.escape(str(path.resolve())) for path in paths]
        with _quiet():
            try:
                tables[split] = datasets.Dataset.from_parquet(
                    patterns, split=split, cache_dir=str(scratch)
                )
            except (ValueError, DatasetsError) as error:
                cause = error.__cause__
                if isinstance(cause, OSError) and cause.errno is not None:  # such as a full disk
                    raise cause from error
                reason = " ".join(str(error.__cause__ or error).split())
                some = damaged_file(paths) or f"{paths[0].parent} ({split})"
                raise ValueError(f"{some} cannot be read as parquet: {reason}") from error
    return tables


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
