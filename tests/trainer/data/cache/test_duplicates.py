"""Byte-identical copies are found, stay together, are listed, and are told to the user."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.toys.images import class_folders, image_cells, labels_file, parquet
from trainer.data.cache.duplicates import _joined
from trainer.data.cache.images import CachedImages, open_cache
from trainer.data.holdout import holdout
from trainer.data.prepare import prepare

SIZE = 16


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "pets"
    class_folders(root / "train", {"cat": 6, "dog": 6})
    class_folders(root / "val", {"cat": 3, "dog": 3})
    class_folders(root / "test", {"cat": 4, "dog": 4})
    return root


def prepared(data: Path) -> CachedImages:
    return prepare(str(data), SIZE, cache_dir=data.parent / "cache")


def rows(images: CachedImages) -> list[dict[str, str]]:
    with (images.path / "duplicates.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_different_images_have_no_groups_no_notes_and_no_list(data: Path) -> None:
    images = prepared(data)
    assert images.splits["train"].groups is None
    assert images.notes == ()
    assert not (images.path / "duplicates.csv").exists()


def test_copies_in_the_training_split_are_held_out_together(data: Path) -> None:
    for name in ("cat/0.png", "cat/1.png", "dog/3.png"):
        path = data / "train" / name
        shutil.copyfile(path, path.with_stem(f"{path.stem} (1)"))
    shutil.copyfile(data / "train/dog/3.png", data / "train/dog/3 (2).png")
    images = prepared(data)
    train = images.splits["train"]
    assert train.groups is not None
    # cat: 0, 0 (1), 1, 1 (1), 2, 3, 4, 5; dog: 0, 1, 2, 3, 3 (1), 3 (2), 4, 5
    assert train.groups.tolist() == [0, 0, 2, 2, 4, 5, 6, 7, 8, 9, 10, 11, 11, 11, 14, 15]
    for seed in range(20):
        training, held_out = holdout(train, size=0.3, seed=seed)
        assert not set(train.groups[training]) & set(train.groups[held_out])
    assert images.notes == (
        "4 of 16 training images are copies of other training images, and copies are held out "
        "together",
        f"the copies are listed in {images.path}/duplicates.csv",
    )
    assert open_cache(images.path).notes == images.notes


def test_copies_across_splits_are_counted_and_listed(data: Path) -> None:
    shutil.copyfile(data / "train/cat/0.png", data / "test/cat/0.png")
    shutil.copyfile(data / "train/cat/0.png", data / "test/cat/1.png")
    shutil.copyfile(data / "train/dog/5.png", data / "val/dog/0.png")
    shutil.copyfile(data / "val/dog/1.png", data / "test/dog/3.png")
    images = prepared(data)
    assert images.splits["train"].groups is None
    assert images.notes[:-1] == (
        "1 of 6 validation images is a copy of training images, so the accuracy there is too high",
        "2 of 8 test images are copies of training images, so the accuracy there is too high",
        "1 of 8 test images is a copy of validation images",
    )
    found = [
        (row["image"], row["split"], row["copy_of"], row["split_of_first"]) for row in rows(images)
    ]
    places = [(Path(a).relative_to(data), b, Path(c).relative_to(data), d) for a, b, c, d in found]
    assert [(str(a), b, str(c), d) for a, b, c, d in places] == [
        ("val/dog/0.png", "validation", "train/dog/5.png", "train"),
        ("test/cat/0.png", "test", "train/cat/0.png", "train"),
        ("test/cat/1.png", "test", "train/cat/0.png", "train"),
        ("test/dog/3.png", "test", "val/dog/1.png", "validation"),
    ]


def test_an_image_in_two_classes_is_named(data: Path) -> None:
    shutil.copyfile(data / "train/cat/0.png", data / "train/dog/9.png")
    notes = prepared(data).notes
    assert notes[1] == (
        "1 image appears in different classes, which no network can tell apart: "
        f"{data}/train/cat/0.png (cat) and {data}/train/dog/9.png (dog)"
    )
    shutil.copyfile(data / "train/cat/1.png", data / "val/dog/9.png")
    assert prepared(data).notes[2].startswith("2 images appear in different classes")


def test_a_class_of_copies_cannot_be_held_out_and_is_named(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "pets", {"cat": 4, "dog": 1})
    for i in range(1, 4):
        shutil.copyfile(root / "dog/0.png", root / f"dog/{i}.png")
    images = prepared(root)
    with pytest.raises(
        ValueError, match="class 'dog' has 4 training images, which are copies of each"
    ):
        holdout(images.splits["train"], size=0.25, seed=0, class_names=images.class_names)


def test_rows_of_parquet_files_are_compared_too(tmp_path: Path) -> None:
    cells = image_cells(5)
    path = parquet(
        tmp_path / "x.parquet", {"image": [*cells, cells[1]], "label": [0, 0, 0, 1, 1, 1]}
    )
    images = prepare(str(path), SIZE, cache_dir=tmp_path / "cache")
    assert images.splits["train"].groups is not None
    assert images.splits["train"].groups.tolist() == [0, 1, 2, 3, 4, 1]
    assert f"{path}, split train, row 1 (0) and {path}, split train, row 5 (1)" in images.notes[1]


def test_images_of_several_classes_contradict_if_their_sets_differ(tmp_path: Path) -> None:
    table = [
        ("a.png", "sea;sky", "train"),
        ("b.png", "sky;sea", "train"),
        ("c.png", "sky", "test"),
    ]
    root = labels_file(tmp_path / "views", table, columns="file,labels,split")
    for name in ("b.png", "c.png"):
        shutil.copyfile(root / "a.png", root / name)
    notes = prepared(root).notes
    assert notes[0].startswith("1 of 2 training images is a copy")
    assert notes[1].startswith("1 of 1 test images is a copy of training images")
    assert notes[2].endswith(f"{root}/a.png (sea;sky) and {root}/c.png (sky)")


def test_copies_connect_groups() -> None:
    own = np.array([7, 7, 3, 5, 5, 9])
    first = np.array([0, 1, 1, 3, 2, 5])  # image 2 is a copy of 1, and 4 one of another's
    assert _joined(own, first).tolist() == [3, 3, 3, 5, 5, 9]
    first = np.array([0, 1, 1, 3, 0, 5])  # image 4 is a copy of 0: 7, 3 and 5 are connected
    assert _joined(own, first).tolist() == [3, 3, 3, 3, 3, 9]


def test_digits_keep_their_own_groups(tmp_path: Path) -> None:
    images = prepare("digits", 8, cache_dir=tmp_path)
    groups = images.splits["train"].groups
    assert groups is not None
    assert len(set(groups.tolist())) == 1200
    assert images.notes == ()
