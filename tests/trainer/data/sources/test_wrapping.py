"""A folder around a data set is passed through, and other folders are not."""

from pathlib import Path

import pytest

from tests.toys.images import class_folders, image_cells, labels_file, parquet
from trainer.config import ReadingConfig
from trainer.data.prepare import find_source
from trainer.data.sources.wrapping import suggestion, unwrapped

TWO = {"cat": 3, "dog": 2}


@pytest.mark.parametrize("wrapping", ["archive", "archive/pets"])
def test_the_only_folder_is_passed_through(tmp_path: Path, wrapping: str) -> None:
    class_folders(tmp_path / wrapping / "train", TWO)
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "__MACOSX").mkdir()
    assert unwrapped(tmp_path) == tmp_path / wrapping
    source = find_source(str(tmp_path), tmp_path, ReadingConfig())
    assert next(iter(source.files)) == "train/cat/0.png"
    assert source.notes == (f"the data set is in {tmp_path / wrapping}",)


def test_class_folders_in_a_folder_are_found(tmp_path: Path) -> None:
    class_folders(tmp_path / "images", TWO)
    assert unwrapped(tmp_path) == tmp_path / "images"


def test_tables_in_a_folder_are_found(tmp_path: Path) -> None:
    labels_file(tmp_path / "a" / "inner", [("1.png", "x"), ("2.png", "y")])
    parquet(tmp_path / "b" / "inner" / "train.parquet", {"image": image_cells(1), "label": [1]})
    assert unwrapped(tmp_path / "a") == tmp_path / "a" / "inner"
    assert unwrapped(tmp_path / "b") == tmp_path / "b" / "inner"


def test_splits_classes_and_tables_are_no_wrapping(tmp_path: Path) -> None:
    class_folders(tmp_path / "splits" / "train", TWO)
    class_folders(tmp_path / "one_class", {"cat": 2})
    class_folders(tmp_path / "two", TWO)
    labels_file(tmp_path / "table", [("a/b/1.png", "x")])
    parquet(tmp_path / "parquet" / "data" / "train.parquet", {"label": [1]})
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    for name in ("splits", "one_class", "two", "table", "empty"):
        assert unwrapped(tmp_path / name) == tmp_path / name


def test_a_suggestion_names_the_folder_that_looks_like_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    assert suggestion(tmp_path) == ""
    class_folders(tmp_path / "birds" / "images", TWO)
    assert suggestion(tmp_path) == f"; perhaps you mean --data {tmp_path / 'birds' / 'images'}"
