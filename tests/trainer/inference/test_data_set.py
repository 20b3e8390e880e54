"""The split of a data set: which one is taken, names, unreadable images, nothing left behind."""

from pathlib import Path

import numpy as np
import pytest

from tests.toys.images import class_folders, image_cells, labels_file, parquet
from trainer.data.pictures.encoded import UndecodableError
from trainer.inference.data_set import open_split


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "caches"))
    return tmp_path / "caches"


def test_the_test_split_is_preferred_and_names_are_relative(tmp_path: Path) -> None:
    class_folders(tmp_path / "set" / "train", {"cat": 2, "dog": 1})
    class_folders(tmp_path / "set" / "val", {"cat": 1, "dog": 1})
    class_folders(tmp_path / "set" / "test", {"cat": 1, "dog": 2})
    with open_split(str(tmp_path / "set")) as found:
        assert found.split == "test"
        assert list(found.pictures.names) == ["test/cat/0.png", "test/dog/0.png", "test/dog/1.png"]
        content = (tmp_path / "set/test/dog/1.png").read_bytes()
        assert found.pictures.read(2) == content
    with open_split(str(tmp_path / "set"), "train") as found:
        assert len(found.pictures) == 3


def test_a_split_that_is_missing_is_an_error(tmp_path: Path) -> None:
    class_folders(tmp_path / "set", {"cat": 2, "dog": 1})
    with open_split(str(tmp_path / "set")) as found:
        assert found.split == "train"
    message = r"--split test: .*set has no such split, only train"
    with pytest.raises(ValueError, match=message), open_split(str(tmp_path / "set"), "test"):
        pass


def test_rows_of_a_table_and_of_parquet_files(tmp_path: Path, caches: Path) -> None:
    labels_file(tmp_path / "set", [("x/a.png", "cat"), ("b.png", "dog")])
    with open_split(str(tmp_path / "set")) as found:
        assert list(found.pictures.names) == ["x/a.png", "b.png"]
    cells = {"image": [*image_cells(1), {"bytes": None, "path": None}], "label": [0, 1]}
    place = parquet(tmp_path / "hub" / "train-0.parquet", cells).parent
    with open_split(str(place)) as found:
        assert found.pictures.read(0) == image_cells(1)[0]["bytes"]
        assert found.pictures.read(1) is None
        assert found.pictures.names[1].endswith("row 1")
    assert [path.name for path in caches.iterdir()] == []  # the copies of the rows are removed


def test_the_embedded_digits_have_pictures() -> None:
    with open_split("digits") as found:
        assert len(found.pictures) == 597
        assert np.asarray(found.pictures.read(0)).shape == (8, 8, 3)


def test_an_image_that_is_removed_meanwhile_is_unreadable(tmp_path: Path) -> None:
    class_folders(tmp_path / "set", {"cat": 1, "dog": 1})
    with open_split(str(tmp_path / "set")) as found:
        (tmp_path / "set/cat/0.png").unlink()
        with pytest.raises(UndecodableError, match="No such file"):
            found.pictures.read(0)
