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


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    source = opened(class_folders(tmp_path, {"bus": 2, "train": 2}))
    assert source.class_names == ("bus", "train")


def test_junk_and_loose_texts_are_ignored(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)
    for name in ("README.md", "train/labels.csv", "train/cat/Thumbs.db", "train/cat/.DS_Store"):
        (tmp_path / name).write_text("x")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "train" / ".cache").mkdir()
    assert opened(tmp_path).splits["train"].labels.tolist() == [0, 0, 0, 1, 1]


def test_upper_case_suffixes_are_images(tmp_path: Path) -> None:
    class_folders(tmp_path, TWO)
    (tmp_path / "dog" / "X.JPEG").write_bytes(encoded(picture(), "JPEG"))
    assert len(opened(tmp_path).splits["train"].labels) == 6


@pytest.mark.parametrize(
    ("faulty", "named", "rule"),
    [
        ("cat/notes.txt", "cat/notes.txt", "is no image"),
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


def test_an_image_next_to_split_folders_is_rejected(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"x\.png lies in no class folder"):
        folder_source(tmp_path)


def test_a_folder_next_to_the_splits_is_rejected_by_name(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)
    class_folders(tmp_path / "extra", TWO)
    with pytest.raises(
        ValueError, match="extra is no split; the folders next to train may be train"
    ):
        folder_source(tmp_path)


def test_two_folders_for_one_split_are_rejected(tmp_path: Path) -> None:
    for split in ("train", "val", "valid"):
        class_folders(tmp_path / split, TWO)
    with pytest.raises(ValueError, match="two validation splits, val and valid"):
        folder_source(tmp_path)


def test_a_missing_train_folder_is_rejected(tmp_path: Path) -> None:
    class_folders(tmp_path / "val", TWO)
    with pytest.raises(ValueError, match="has val and no folder train"):
        folder_source(tmp_path)


def test_a_folder_without_class_folders_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no class folders"):
        folder_source(tmp_path)


def test_a_class_that_training_lacks_is_rejected(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)
    class_folders(tmp_path / "test", {"dog": 1, "emu": 1})
    with pytest.raises(ValueError, match="split test has class 'emu', which the training"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("counts", "rule"),
    [
        ({"cat": 3}, "at least 2 classes, got one: 'cat'"),
        ({"cat": 3, "dog": 1}, "at least 2 training images of every class.*'dog' has 1"),
    ],
)
def test_too_few_classes_or_images_are_rejected(
    tmp_path: Path, counts: dict[str, int], rule: str
) -> None:
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
