"""Files that are no pictures among those of a data set in class folders."""

from pathlib import Path

import pytest

from tests.toys.images import class_folders
from trainer.data.sources import entries
from trainer.data.sources.folder import folder_source
from trainer.data.sources.source import OpenedSource

TWO = {"cat": 3, "dog": 2}


def opened(root: Path) -> OpenedSource:
    return folder_source(root).open(root)


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
