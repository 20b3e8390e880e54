"""Folders of splits: their names, and what may be next to them."""

from pathlib import Path

import pytest

from tests.toys.images import class_folders
from trainer.data.sources.folder import folder_source
from trainer.data.sources.source import OpenedSource

TWO = {"cat": 3, "dog": 2}


def opened(root: Path) -> OpenedSource:
    return folder_source(root).open(root)


def test_an_image_next_to_split_folders_is_rejected(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"x\.png lies in no class folder"):
        folder_source(tmp_path)


def test_a_folder_next_to_the_splits_is_ignored_with_a_note(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)
    class_folders(tmp_path / "extra", TWO)
    source = folder_source(tmp_path)
    assert list(source.splits) == ["train"]
    assert source.notes == (f"{tmp_path / 'extra'} is no split and is ignored",)
    with pytest.raises(ValueError, match="extra is no split; the folders next to train may be"):
        folder_source(tmp_path, strict=True)


def test_a_class_next_to_a_folder_train_of_folders_is_rejected(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)  # a class with a folder in it, or a split?
    class_folders(tmp_path, {"bus": 2})
    with pytest.raises(ValueError, match="bus is no split; the folders next to train may be"):
        folder_source(tmp_path)


def test_a_misspelt_split_is_rejected_with_the_nearest_name(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)
    class_folders(tmp_path / "vaild", TWO)
    with pytest.raises(ValueError, match=r"'vaild', which is no name of a split; .* mean valid\?"):
        folder_source(tmp_path)


def test_split_folders_with_longer_names_next_to_others_are_named(tmp_path: Path) -> None:
    for name in ("seg_train", "seg_test"):
        class_folders(tmp_path / name, TWO)
    class_folders(tmp_path, {"seg_pred": 2})
    with pytest.raises(ValueError, match="folders seg_test, seg_train, which look like splits"):
        folder_source(tmp_path)


def test_classes_may_begin_with_the_name_of_a_split(tmp_path: Path) -> None:
    class_folders(tmp_path, {"train_station": 2, "test_tube": 2, "cat": 2})
    names = folder_source(tmp_path).splits["train"].labels.class_names
    assert names == ("cat", "test_tube", "train_station")


def test_split_folders_with_longer_names_are_not_taken_as_classes(tmp_path: Path) -> None:
    class_folders(tmp_path, {"train_images": 2, "test_images": 2})
    with pytest.raises(ValueError, match="test_images, train_images, which look like splits"):
        folder_source(tmp_path)


def test_classes_may_contain_the_name_of_a_split(tmp_path: Path) -> None:
    names = ("test_fail", "test_pass")
    assert opened(class_folders(tmp_path, dict.fromkeys(names, 2))).class_names == names


def test_two_folders_for_one_split_are_rejected(tmp_path: Path) -> None:
    for split in ("train", "val", "valid"):
        class_folders(tmp_path / split, TWO)
    with pytest.raises(ValueError, match="two validation splits, val and valid"):
        folder_source(tmp_path)


def test_a_missing_train_folder_is_rejected(tmp_path: Path) -> None:
    class_folders(tmp_path / "val", TWO)
    with pytest.raises(ValueError, match="has val and no folder train"):
        folder_source(tmp_path)
