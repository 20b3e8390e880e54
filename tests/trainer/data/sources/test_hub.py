"""Data sets of the Hugging Face hub, which these tests replace by data in memory."""

import socket
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest

from tests.toys.images import encoded, image_cells, picture
from trainer.data.sources.huggingface import hub_source


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


def test_a_hub_data_set_is_read_like_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loose = tmp_path / "loose.png"
    loose.write_bytes(encoded(picture(9)))
    cells = [*image_cells(3), {"bytes": None, "path": str(loose)}]
    features = datasets.Features(
        {"img": datasets.Image(), "fine_label": datasets.ClassLabel(names=["x", "y"])}
    )
    table = datasets.Dataset.from_dict(
        {"img": cells, "fine_label": [0, 1, 0, 1]}, features=features
    )
    asked: list[tuple[str, str]] = []

    def load(name: str, cache_dir: str) -> Any:
        asked.append((name, cache_dir))
        return datasets.DatasetDict({"train": table, "extra": table})

    monkeypatch.setattr(datasets, "load_dataset", load)
    source = hub_source("owner/name", tmp_path / "hub").open(tmp_path)
    assert asked == [("owner/name", str(tmp_path / "hub"))]
    assert list(source.splits) == ["train"]
    assert source.splits["train"].read(3, 4) == [encoded(picture(9))]
    np.testing.assert_array_equal(source.splits["train"].labels, [0, 1, 0, 1])


def test_hub_splits_have_the_names_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = datasets.Dataset.from_dict({"image": [b"x", b"y"], "label": [0, 1]})
    names = ("train", "dev", "eval", "train_extra")
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: dict.fromkeys(names, table))
    source = hub_source("owner/name", tmp_path)
    assert list(source.open(tmp_path).splits) == ["train", "validation", "test"]
    assert source.notes == (
        "eval is taken as the test split, because dev is validation",
        "train_extra of owner/name is no known split and is ignored",
    )
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: {"all": table})
    with pytest.raises(ValueError, match="owner/name has no split train; its splits are: all"):
        hub_source("owner/name", tmp_path)


def test_several_configurations_of_a_hub_data_set_are_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str, cache_dir: str) -> Any:
        raise ValueError("Config name is missing.\nPlease pick one: ['a', 'b']")

    monkeypatch.setattr(datasets, "load_dataset", load)
    rule = r"it has several configurations, and --data takes a folder .* \['a', 'b'\]"
    with pytest.raises(OSError, match=rule):
        hub_source("owner/name", tmp_path)


def test_an_unreachable_hub_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, cache_dir: str) -> Any:
        raise ConnectionError("Couldn't reach\nthe Hub")

    monkeypatch.setattr(datasets, "load_dataset", load)
    with pytest.raises(OSError, match=r"'a/b' is no folder here.*: Couldn't reach the Hub"):
        hub_source("a/b", tmp_path)
