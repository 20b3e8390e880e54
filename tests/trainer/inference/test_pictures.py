"""Reading pictures: the reasons of unreadable ones, and pictures that a program gives."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.toys.images import encoded, picture
from tests.toys.picture_files import corners, exif
from trainer.data.cache.decode import decode
from trainer.data.pictures.encoded import UndecodableError
from trainer.inference.pictures import GivenPictures, PictureFiles, picture_of


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.png", "there is no such file"),
        ("link.png", "it is a link to nothing"),
        ("folder.png", "it is not a file"),
        ("fifo.png", "it is not a file"),
        ("photo.cr2", "it is in a camera's raw format"),
        ("scan.dcm", "it is in DICOM"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_file_that_cannot_be_read_has_a_reason(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "link.png").symlink_to("nowhere")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "fifo.png")
    (tmp_path / "photo.cr2").write_bytes(encoded(picture()))
    (tmp_path / "scan.dcm").touch()
    files = PictureFiles(names=[name], paths=[tmp_path / name])
    with pytest.raises(UndecodableError, match=reason):
        files.read(0)


def test_a_picture_of_pillow_is_turned_like_its_file(tmp_path: Path) -> None:
    path = tmp_path / "turned.png"
    Image.fromarray(corners()).save(path, exif=b"Exif\0\0" + exif(6))
    with Image.open(path) as opened:
        given = GivenPictures(names=["file", "picture"], pictures=[path, opened])
        of_file, of_picture = (decode(given.read(i), 12).pixels for i in range(2))
    np.testing.assert_array_equal(of_picture, of_file)
    # Exif 6: the left column of the file is the top row of the upright picture
    np.testing.assert_array_equal(of_file[0, 0], corners()[-1, 0])


def test_a_damaged_picture_of_pillow_has_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    path.write_bytes(encoded(picture(size=(200, 200)))[:500])
    with Image.open(path) as opened:
        given = GivenPictures(names=["a"], pictures=[opened])
        with pytest.raises(UndecodableError, match="Pillow cannot read it, "):
            given.read(0)


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 3)])
def test_an_array_keeps_its_levels(shape: tuple[int, ...]) -> None:
    levels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    found = picture_of(levels)
    assert isinstance(found, Image.Image)
    np.testing.assert_array_equal(np.asarray(found), levels)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_an_array_of_another_kind_is_refused(array: npt.NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"an array must be \(height, width\) or"):
        picture_of(array)


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(TypeError, match=r"an image must be a path, bytes, .* got int"):
        picture_of(3)  # type: ignore[arg-type]
