import os
from pathlib import Path

import pytest

from tests.toys.images import class_folders, encoded, picture
from trainer.data.sources import entries
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


def test_junk_and_loose_texts_are_ignored(tmp_path: Path) -> None:
    class_folders(tmp_path / "train", TWO)
    for name in ("README.md", "train/labels.csv", "train/cat/Thumbs.db", "train/cat/.DS_Store"):
        (tmp_path / name).write_text("x")
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "train" / ".cache").mkdir()
    assert opened(tmp_path).splits["train"].labels.tolist() == [0, 0, 0, 1, 1]


JUNK_FOLDERS = (
    *("@eaDir", "#recycle", ".ipynb_checkpoints", "__MACOSX", "$RECYCLE.BIN", "lost+found"),
    *("System Volume Information", ".Trashes", "@Recycle"),
)
JUNK_FILES = ("desktop.ini", "Icon\r", "._0.png", "0.png:Zone.Identifier", "Thumbs.db")


@pytest.mark.parametrize("splits", [("train", "val"), ("",)])
def test_folders_and_files_of_file_managers_are_ignored_everywhere(
    tmp_path: Path, splits: tuple[str, ...]
) -> None:
    for split in splits:
        class_folders(tmp_path / split, TWO)
    for folder in {tmp_path, *(path for path in tmp_path.rglob("*") if path.is_dir())}:
        for name in JUNK_FOLDERS:
            (folder / name).mkdir()
            (folder / name / "x.png").write_bytes(b"x")
        for name in JUNK_FILES:
            (folder / name).write_bytes(b"x")
    source = folder_source(tmp_path, strict=True)
    assert source.notes == ()
    assert {len(split.paths) for split in source.splits.values()} == {5}


def test_other_files_among_the_images_are_counted_in_a_note(tmp_path: Path) -> None:
    class_folders(tmp_path, TWO)
    for name in ("cat/notes.txt", "cat/clip.mp4", "dog/README", "dog/labels.csv"):
        (tmp_path / name).write_bytes(b"x")
    source = folder_source(tmp_path)
    assert len(source.splits["train"].paths) == 5
    assert source.notes == (
        "4 files among the images are no images and are ignored: cat/clip.mp4, cat/notes.txt, "
        "dog/README and 1 more",
    )
    with pytest.raises(ValueError, match=r"cat/clip\.mp4 is no image; --strict allows only"):
        folder_source(tmp_path, strict=True)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("IMG_1.HEIC", r"is a HEIC photo, which is not read; convert .* pip install .*\[heif\]"),
        ("1.heif", "is a HEIC photo"),
        ("1.DNG", "is in a camera's raw format, which is not read; convert"),
        ("1.jxl", "is in JPEG XL, which is not read"),
        ("1.dcm", "is in DICOM, which is not read"),
    ],
)
@pytest.mark.parametrize("place", ["cat", "."])
def test_photographs_in_other_formats_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, rule: str, place: str
) -> None:
    monkeypatch.setattr(entries, "find_spec", lambda _: None)
    class_folders(tmp_path, TWO)
    (tmp_path / place / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=rule) as error:
        folder_source(tmp_path)
    assert str(tmp_path / place / name) in str(error.value)


def test_heic_is_an_image_where_pillow_heif_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "find_spec", lambda name: name)
    class_folders(tmp_path, TWO)
    (tmp_path / "cat" / "a.HEIC").write_bytes(b"x")
    assert len(folder_source(tmp_path).splits["train"].paths) == 6


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
