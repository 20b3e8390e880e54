"""Parquet files by their names: splits, and parts of a download that are missing or double."""

from pathlib import Path

import pytest

from tests.toys.images import class_folders
from trainer.data.sources.parquet_files import lone_part_note, parquet_by_split, parquet_files


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def test_complete_parts_are_taken_in_order(tmp_path: Path) -> None:
    names = [f"train-0000{i}-of-00003-0abc{i}.parquet" for i in range(3)]
    touch(tmp_path, *names, "test-00000-of-00001.parquet", "validation.parquet")
    found = parquet_by_split(tmp_path)
    assert [*found.files] == ["train", "validation", "test"]
    assert [path.name for path in found.files["train"]] == names
    assert found.notes == ()


@pytest.mark.parametrize(
    ("names", "rule"),
    [
        (
            ["train-00000-of-00003.parquet", "train-00002-of-00003.parquet"],
            r"1 of 3 files of split train are missing .*: train-00001-of-00003\.parquet$",
        ),
        (
            ["data/train-00002-of-00003-ab12.parquet"],
            r"2 of 3 files of split train.*: train-00000-of-00003\.parquet, train-00001-of-0",
        ),
        (
            ["train.parquet", "test-{x}-00000-of-00002.parquet"],
            r"1 of 2 files of split test are missing.*test-\{x\}-00001-of-00002\.parquet",
        ),
        (
            ["train/0000.parquet", "train/0001.parquet", "train/0004.parquet"],
            r"2 of 5 files of split train are missing.*0002\.parquet, 0003\.parquet$",
        ),
        (
            ["train-00000-of-00001.parquet", "train-00000-of-00002.parquet"],
            r"train-00000-of-00002\.parquet is one of 2 parts, but there are also files of 1 p",
        ),
        (
            ["train-00000-of-00001-aa.parquet", "train-00000-of-00001-bb.parquet"],
            r"train-00000-of-00001-aa\.parquet and .*-bb\.parquet are the same part",
        ),
        (
            ["train-00000-of-99999999999.parquet"],
            "99999999998 of 99999999999 files .*train-00001-of-99999999999.*, ...$",
        ),
        (["train-00001-of-00001.parquet"], "is no part of 1, which are counted from 0"),
        (["train.parquet", "data/train.parquet"], "parquet files in .* and in .*data; remove one"),
        (
            ["train.parquet", "val.parquet", "valid.parquet"],
            "two validation splits, val and valid",
        ),
        (["train.parquet", "tset.parquet"], "'tset', which is no name of a split; did you mean"),
    ],
)
def test_missing_double_and_misspelt_files_are_errors(
    tmp_path: Path, names: list[str], rule: str
) -> None:
    touch(tmp_path, *names)
    with pytest.raises(ValueError, match=rule):
        parquet_by_split(tmp_path)


def test_numbers_may_begin_at_one(tmp_path: Path) -> None:
    touch(tmp_path, "train/0001.parquet", "train/0002.parquet")
    assert len(parquet_by_split(tmp_path).files["train"]) == 2


def test_a_table_next_to_class_folders_is_no_data_set(tmp_path: Path) -> None:
    touch(class_folders(tmp_path, {"cat": 2, "dog": 2}), "index.parquet")
    assert parquet_files(tmp_path) == []


def test_a_single_part_is_said(tmp_path: Path) -> None:
    assert lone_part_note(tmp_path / "train-00000-of-00003.parquet") == (
        "train-00000-of-00003.parquet is one of 3 parts, and the others are not read",
    )
    assert lone_part_note(tmp_path / "train-00000-of-00001.parquet") == ()
    assert lone_part_note(tmp_path / "train.parquet") == ()
