"""Loose images with a table of their classes, as competitions and the hub's imagefolder have."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.toys.images import class_folders, encoded, picture
from trainer.config import ReadingConfig
from trainer.data.prepare import find_source
from trainer.data.sources.source import OpenedSource, Source


def images(root: Path, *names: str) -> Path:
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(encoded(picture(i)))
    return root


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def found(root: Path, **reading: object) -> Source:
    return find_source(str(root), root, ReadingConfig.model_validate(reading))


def opened(root: Path) -> OpenedSource:
    return found(root).open(root)


def labels(root: Path) -> Mapping[str, list[Any]]:
    return {split: part.labels.tolist() for split, part in opened(root).splits.items()}


def test_train_csv_beside_folders_of_images(tmp_path: Path) -> None:
    """The images of train and test have the same names, and the cells no suffix."""
    images(tmp_path, "train/0.jpg", "train/1.jpg", "test/0.jpg", "test/1.jpg")
    write(tmp_path / "train.csv", "id,breed", "1,pug", "0,boxer")
    write(tmp_path / "test.csv", "id", "0", "1")
    write(tmp_path / "sample_submission.csv", "id,breed", "0,pug", "1,pug")
    source = found(tmp_path)
    assert [*source.files] == ["train/train/1.jpg", "train/train/0.jpg"]
    assert source.open(tmp_path).class_names == ("boxer", "pug")
    assert labels(tmp_path) == {"train": [1, 0]}
    assert source.notes == (
        "train.csv: the files are in column 'id', the labels in column 'breed'",
        "2 images found by name: '1' is train/1.jpg",
    )


def test_a_table_for_each_split(tmp_path: Path) -> None:
    images(tmp_path, "train_images/a.png", "train_images/b.png", "val_images/a.png")
    write(tmp_path / "train_labels.csv", "image_id,label", "a.png,0", "b.png,1")
    write(tmp_path / "val_labels.csv", "image_id,label", "a.png,1")
    assert labels(tmp_path) == {"train": [0, 1], "validation": [1]}
    assert [*found(tmp_path).files][2] == "validation/val_images/a.png"


def test_the_only_table_may_have_any_name(tmp_path: Path) -> None:
    images(tmp_path, "images/a.png", "images/b.png")
    write(tmp_path / "HAM_metadata.csv", "lesion,image_id,dx,age", "1,a,nv,3", "2,b,mel,4")
    assert labels(tmp_path) == {"train": [1, 0]}


def test_imagefolder_with_metadata_in_the_splits(tmp_path: Path) -> None:
    images(tmp_path, "train/a.png", "train/sub/b.png", "test/a.png")
    write(tmp_path / "train" / "metadata.csv", "file_name,label", "a.png,x", "sub/b.png,y")
    rows = [{"file_name": "a.png", "label": "y", "size": None}]
    write(tmp_path / "test" / "metadata.jsonl", *map(json.dumps, rows))
    assert labels(tmp_path) == {"train": [0, 1], "test": [1]}


def test_json_lines_may_list_several_labels(tmp_path: Path) -> None:
    images(tmp_path, "a.png", "b.png")
    rows = [{"file_name": "a.png", "labels": ["x", "y"]}, {"file_name": "b.png", "labels": ["y"]}]
    write(tmp_path / "metadata.jsonl", *map(json.dumps, rows))
    assert labels(tmp_path) == {"train": [[0, 1], [1, -1]]}


def test_class_folders_take_precedence_over_other_tables(tmp_path: Path) -> None:
    class_folders(tmp_path, {"cat": 2, "dog": 2})
    write(tmp_path / "train.csv", "file,label", "cat/0.png,x", "dog/0.png,y")
    assert opened(tmp_path).class_names == ("cat", "dog")


def test_an_image_outside_of_class_folders_is_named_although_there_is_a_table(
    tmp_path: Path,
) -> None:
    images(class_folders(tmp_path, {"cat": 2, "dog": 2}), "x.png")
    write(tmp_path / "notes.csv", "a,b,c", "1,2,3")
    with pytest.raises(ValueError, match=r"x\.png lies in no class folder"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("tables", "rule"),
    [
        (
            {"a.csv": "image,label\n1,x\n2,y", "b.csv": "image,label\n1,x\n2,y"},
            r"a\.csv and b\.csv may list the images; call one of them labels\.csv",
        ),
        (
            {"train.csv": "image,healthy,rust,scab\n1,1,0,0\n2,0,1,7"},
            "lacks labels; its columns are: image, healthy, rust, scab",
        ),
        (
            {"train.csv": "file,label\n1,x\n2,y\n7,y"},
            r"train\.csv: 1 of its 3 files are missing, first: line 4, 7",
        ),
        (
            {"train.csv": "file,label\ndouble,x\n2,y"},
            "line 2: 'double' may be images/a/double.png or images/b/",
        ),
        ({"metadata.jsonl": '{"file_name": "1.png"\n'}, "line 1 is not JSON"),
        ({"metadata.jsonl": "[1]\n"}, "line 1 must be an object"),
    ],
)
def test_what_is_not_clear_is_an_error(
    tmp_path: Path, tables: Mapping[str, str], rule: str
) -> None:
    images(tmp_path, "1.png", "2.png", "images/a/double.png", "images/b/double.png")
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=rule) as error:
        opened(tmp_path)
    assert "\n" not in str(error.value)
