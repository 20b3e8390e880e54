"""Columns of parquet files that hold groups, or lists of labels."""

import socket
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest

from tests.toys.images import image_cells, parquet
from trainer.config import ReadingConfig
from trainer.data.sources.huggingface import parquet_source
from trainer.data.sources.source import OpenedSource


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def opened(path: Path) -> OpenedSource:
    return parquet_source(path).open(path.parent / "scratch")


def grouped(root: Path, **columns: list[Any]) -> Path:
    for split, values in columns.items():
        cells = {"image": image_cells(len(values)), "label": [0, 1] * (len(values) // 2)}
        parquet(root / f"{split}.parquet", {**cells, "patient": values})
    return root


def test_equal_values_of_a_column_are_groups_in_all_splits(tmp_path: Path) -> None:
    data = grouped(tmp_path / "set", train=["b", "a", "b", None, None, "c"], test=["a", "d"])
    source = parquet_source(data, ReadingConfig(group_column="patient")).open(tmp_path / "scratch")
    train, test = source.splits["train"].groups, source.splits["test"].groups
    assert train is not None
    assert test is not None
    assert train.tolist() == [0, 1, 0, 2, 3, 4]
    assert test.tolist() == [1, 5]
    assert source.notes == ("images with the same 'patient' stay together: 5 groups in train",)


def test_a_column_called_group_is_used_unless_it_is_turned_off(tmp_path: Path) -> None:
    columns = {"image": image_cells(4), "label": [0, 0, 1, 1], "group": [5, 6, 5, 7]}
    path = parquet(tmp_path / "x.parquet", columns)
    groups = opened(path).splits["train"].groups
    assert groups is not None
    assert groups.tolist() == [0, 1, 0, 2]
    off = parquet_source(path, ReadingConfig(group_column=""))
    assert off.open(tmp_path / "scratch").splits["train"].groups is None


def test_an_unknown_group_column_is_rejected_with_the_nearest(tmp_path: Path) -> None:
    data = grouped(tmp_path / "set", train=[1, 2])
    source = parquet_source(data, ReadingConfig(group_column="patients"))
    rule = (
        r"no column 'patients' for --group-column \(did you mean patient\?\); .* image, label, pat"
    )
    with pytest.raises(ValueError, match=rule):
        source.open(tmp_path / "scratch")
    data = grouped(tmp_path / "lists", train=[[1], [2]])
    source = parquet_source(data, ReadingConfig(group_column="patient"))
    with pytest.raises(ValueError, match="row 0: column 'patient' must have single values"):
        source.open(tmp_path / "scratch")


@pytest.mark.parametrize("kind", ["numbers", "words"])
def test_a_column_of_lists_is_of_several_classes(tmp_path: Path, kind: str) -> None:
    labels: list[list[Any]] = [[7, 3], [3], [9, 7, 3, 7]]
    if kind == "words":
        labels = [[f"class {label}" for label in row] for row in labels]
    parquet(tmp_path / "train.parquet", {"image": image_cells(3), "labels": labels})
    parquet(tmp_path / "test.parquet", {"image": image_cells(2), "labels": [labels[1]] * 2})
    source = opened(tmp_path)
    assert len(source.class_names) == 3
    assert source.splits["train"].labels.tolist() == [[0, 1, -1], [0, -1, -1], [0, 1, 2]]
    assert source.splits["test"].labels.tolist() == [[0], [0]]


def test_lists_of_declared_classes_keep_their_names(tmp_path: Path) -> None:
    names = ["zebra", "unused", "ape"]
    kinds = datasets.Sequence(datasets.ClassLabel(names=names))
    features = datasets.Features({"picture": datasets.Image(), "kinds": kinds})
    columns = {"picture": image_cells(3), "kinds": [[2, 0], [0], [2]]}
    table = datasets.Dataset.from_dict(columns, features=features)
    pq.write_table(table.data.table, tmp_path / "x.parquet")
    source = opened(tmp_path / "x.parquet")
    assert source.class_names == ("zebra", "ape")
    assert source.splits["train"].labels.tolist() == [[0, 1], [0, -1], [1, -1]]


@pytest.mark.parametrize(
    ("labels", "rule"),
    [
        ([[0], [], [1]], "row 1: there is no label"),
        ([[0], None, [1]], "row 1: there is no label"),
        ([[0], [1], [1, None]], "row 2: there is no label"),
        ([[0], [1], [1, -1]], "row 2: there is no label"),
        ([[0.5], [1.0], [2.0]], "labels must be whole numbers or words, got float"),
        ([[[0]], [[1]], [[2]]], "labels must be whole numbers or words, got list"),
    ],
)
def test_faulty_lists_of_labels_are_rejected(tmp_path: Path, labels: list[Any], rule: str) -> None:
    path = parquet(tmp_path / "x.parquet", {"image": image_cells(3), "labels": labels})
    with pytest.raises(ValueError, match=rule):
        opened(path)


def test_a_test_split_with_secret_lists_is_ignored(tmp_path: Path) -> None:
    labels = [[0], [1], [0, 1]]
    parquet(tmp_path / "train.parquet", {"image": image_cells(3), "labels": labels})
    parquet(tmp_path / "test.parquet", {"image": image_cells(2), "labels": [[-1], []]})
    assert list(opened(tmp_path).splits) == ["train"]


def test_one_form_of_labels_in_all_splits(tmp_path: Path) -> None:
    parquet(tmp_path / "train.parquet", {"image": image_cells(2), "labels": [[0], [0, 1]]})
    parquet(tmp_path / "test.parquet", {"image": image_cells(2), "labels": [0, 1]})
    with pytest.raises(ValueError, match="must be lists in every split, or in none"):
        opened(tmp_path)
