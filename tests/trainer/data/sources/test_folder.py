import os
from pathlib import Path

import pytest

from tests.toys.images import class_folders, encoded, picture
from trainer.data.sources.folder import folder_source
from trainer.data.sources.source import OpenedSource

TWO = {"cat": 3, "dog": 2}


def opened(root: Path) -> OpenedSource:
    return folder_source(root).open(root)


def test_class_folders_without_splits_are_all_for_training(tmp_path: Path) -> None:
    source = opened(class_folders(tmp_path, TWO))
    assert source.class_names == ("cat", "dog")
    assert list(source.splits) == ["train"]
    train = source.splits["train"]
    assert train.labels.tolist() == [0, 0, 0, 1, 1]
    assert train.where(3) == str(tmp_path / "dog" / "0.png")
    assert train.read(3, 4) == [(tmp_path / "dog" / "0.png").read_bytes()]


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("val", "validation"),
        ("valid", "validation"),
        ("Validation", "validation"),
        ("dev", "validation"),
        ("EVAL", "validation"),
        ("evaluation", "validation"),
        ("Testing", "test"),
        ("test", "test"),
    ],
)
def test_split_folders_are_known_by_their_usual_names(
    tmp_path: Path, folder: str, split: str
) -> None:
    class_folders(tmp_path / "train", TWO)
    class_folders(tmp_path / folder, {"dog": 2})
    source = opened(tmp_path)
    assert list(source.splits) == ["train", split]
    assert source.splits[split].labels.tolist() == [1, 1]


def test_training_and_testing_are_splits(tmp_path: Path) -> None:
    for split in ("Training", "Testing"):
        class_folders(tmp_path / split, TWO)
    assert list(opened(tmp_path).splits) == ["train", "test"]


def test_a_class_with_one_image_is_accepted(tmp_path: Path) -> None:
    assert opened(class_folders(tmp_path, {"cat": 1, "dog": 2})).class_names == ("cat", "dog")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    source = opened(class_folders(tmp_path, {"bus": 2, "train": 2}))
    assert source.class_names == ("bus", "train")


def test_images_may_be_in_a_folder_of_their_class(tmp_path: Path) -> None:
    """Tiny ImageNet has train/CLASS/images/1.JPEG next to train/CLASS/CLASS_boxes.txt."""
    for name in TWO:
        class_folders(tmp_path / "train" / name, {"images": 2})
        (tmp_path / "train" / name / f"{name}_boxes.txt").write_text("x")
    source = folder_source(tmp_path)
    assert source.open(tmp_path).class_names == ("cat", "dog")
    assert [*source.files] == [
        *("train/cat/images/0.png", "train/cat/images/1.png"),
        *("train/dog/images/0.png", "train/dog/images/1.png"),
    ]
    assert source.notes[0].startswith("2 files among the images are no images")


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("test/0.png", "has images in no class folder, so without labels"),
        ("test/images/0.png", "has images only in images, so without labels"),
        ("test/unknown/0.png", "has images only in unknown, so without labels"),
        ("test/readme.txt", "has no images"),
    ],
)
def test_a_split_without_labels_is_ignored_with_a_note(
    tmp_path: Path, image: str, reason: str
) -> None:
    class_folders(tmp_path / "train", TWO)
    class_folders(tmp_path / "val", TWO)
    (tmp_path / image).parent.mkdir(parents=True)
    (tmp_path / image).write_bytes(encoded(picture()))
    source = folder_source(tmp_path)
    assert [*source.splits] == ["train", "validation"]
    assert source.notes == (f"{tmp_path / 'test'} {reason}, and is not used",)


def test_class_folders_further_down_are_named(tmp_path: Path) -> None:
    class_folders(tmp_path / "photos" / "all", TWO)
    (tmp_path / "texts").mkdir()
    with pytest.raises(ValueError, match=r"perhaps you mean --data .*photos/all$"):
        folder_source(tmp_path)


def test_upper_case_suffixes_are_images(tmp_path: Path) -> None:
    class_folders(tmp_path, TWO)
    (tmp_path / "dog" / "X.JPEG").write_bytes(encoded(picture(), "JPEG"))
    assert len(opened(tmp_path).splits["train"].labels) == 6


@pytest.mark.parametrize(
    ("faulty", "named", "rule"),
    [
        ("text/notes.txt", "text", "is a class folder without images; it has notes.txt"),
        ("loose.png", "loose.png", "lies in no class folder"),
        ("cat/more/x.png", "cat/more", "is a folder inside the class folder 'cat'"),
        ("empty/.keep", "empty", "is an empty class folder"),
    ],
)
def test_misplaced_files_are_rejected_by_name(
    tmp_path: Path, faulty: str, named: str, rule: str
) -> None:
    class_folders(tmp_path, TWO)
    (tmp_path / faulty).parent.mkdir(exist_ok=True)
    (tmp_path / faulty).write_bytes(b"x")
    with pytest.raises(ValueError, match=rule) as error:
        folder_source(tmp_path)
    assert str(tmp_path / named) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_without_class_folders_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no class folders"):
        folder_source(tmp_path)


def test_a_class_that_training_lacks_is_rejected(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)
    class_folders(tmp_path / "test", {"dog": 1, "emu": 1})
    with pytest.raises(ValueError, match="split test has class 'emu', which the training"):
        opened(tmp_path)


def test_a_class_in_another_spelling_is_named(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", {"Big Cat": 2, "dog": 2})
    class_folders(tmp_path / "val", {"big_cat": 1})
    with pytest.raises(ValueError, match=r"has class 'big_cat', .* lacks \(it has 'Big Cat'\)"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        ({"cat": 3}, "at least 2 classes, got one: 'cat'"),
        ({"cat": 1}, "at least 2 classes, got one: 'cat'"),
    ],
)
def test_one_class_is_rejected(tmp_path: Path, counts: dict[str, int], rule: str) -> None:
    class_folders(tmp_path, counts)
    with pytest.raises(ValueError, match=rule):
        opened(tmp_path)


def test_an_unreadable_folder_keeps_its_name_in_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_folders(tmp_path, TWO)
    iterdir = Path.iterdir

    def denied(path: Path) -> object:  # the tests may run as root, who ignores permissions
        if path.name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", denied)
    with pytest.raises(OSError, match=r"Permission denied: .*dog"):
        folder_source(tmp_path)


def test_special_files_are_rejected_by_name_without_being_opened(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    os.mkfifo(tmp_path / "cats" / "a.png")
    with pytest.raises(ValueError, match=r"cats/a\.png is not a file"):
        folder_source(tmp_path)
    (tmp_path / "cats" / "a.png").unlink()
    (tmp_path / "cats" / "b.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"cats/b\.png is a link to nothing"):
        folder_source(tmp_path)
