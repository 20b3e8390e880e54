"""Files that are not there yet: unfinished downloads, pointers, error pages, archives."""

from pathlib import Path

import pytest

from tests.toys.images import class_folders, image_cells, parquet
from trainer.config import ReadingConfig
from trainer.data.prepare import find_source

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def found_notes(root: Path) -> tuple[str, ...]:
    return find_source(str(root), root, ReadingConfig()).notes


@pytest.mark.parametrize(
    "name",
    [
        *("5.jpg.part", "5.jpg.crdownload", "5.PNG.CRDOWNLOAD", "5.incomplete", "5.jpg.aria2"),
        *("5.jpg.download", "5.tmp", ".5.jpg.icloud"),
    ],
)
def test_an_unfinished_download_among_images_is_noted(tmp_path: Path, name: str) -> None:
    root = class_folders(tmp_path / "set", {"cat": 2, "dog": 2})
    (root / "cat" / name).write_bytes(b"\xff\xd8\xff")
    assert found_notes(root) == (
        "1 file seems to be of an unfinished download, so images may be missing: "
        f"{Path('cat') / name}",
    )


def test_other_files_are_counted_apart(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "set", {"cat": 2, "dog": 2})
    for name in ("a.part", "b.part", "notes.txt"):
        (root / "dog" / name).write_bytes(b"")
    assert found_notes(root) == (
        "2 files seem to be of an unfinished download, so images may be missing: dog/a.part, "
        "dog/b.part",
        "1 file among the images is no image and is ignored: dog/notes.txt",
    )


def test_an_unfinished_parquet_file_is_noted(tmp_path: Path) -> None:
    parquet(tmp_path / "train.parquet", {"image": image_cells(2), "label": [0, 1]})
    (tmp_path / "train-2.parquet.crdownload").write_bytes(b"PAR1")
    (note,) = found_notes(tmp_path)
    assert "unfinished download" in note
    assert "train-2.parquet.crdownload" in note


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (POINTER, r"train\.parquet is a Git LFS pointer; git lfs pull fetches the file"),
        (b"", r"train\.parquet is empty \(0 bytes\)"),
        (b"<!DOCTYPE html><p>404", r"train\.parquet seems to be an HTML page"),
        (b"PAR1", r"train\.parquet cannot be read as parquet"),
    ],
)
def test_what_is_no_parquet_file_is_said(tmp_path: Path, content: bytes, rule: str) -> None:
    (tmp_path / "train.parquet").write_bytes(content)
    for data in (tmp_path, tmp_path / "train.parquet"):
        source = find_source(str(data), tmp_path, ReadingConfig())
        with pytest.raises(ValueError, match=rule):
            source.open(tmp_path)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("images.tar.gz", "; unpack images.tar.gz first"),
        ("dataset_info.json", "; datasets.save_to_disk has written it: write it with to_parquet"),
        ("train.h5", "; it holds train.h5"),
    ],
)
def test_a_folder_without_images_is_described(tmp_path: Path, name: str, hint: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ValueError, match="holds no class folders") as error:
        find_source(str(tmp_path), tmp_path, ReadingConfig())
    assert hint in str(error.value)


def test_parquet_files_of_several_configurations_are_suggested(tmp_path: Path) -> None:
    for name in ("large", "small"):
        (tmp_path / name).mkdir()
        parquet(tmp_path / name / "train.parquet", {"image": image_cells(2), "label": [0, 1]})
    with pytest.raises(ValueError, match=r"perhaps you mean --data .*/large$"):
        find_source(str(tmp_path), tmp_path, ReadingConfig())


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "images.zip").write_bytes(b"PK\3\4")
    with pytest.raises(ValueError, match=r"images\.zip is neither .* \(unpack it first\)"):
        find_source(str(tmp_path / "images.zip"), tmp_path, ReadingConfig())
