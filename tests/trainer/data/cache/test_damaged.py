"""Damaged images are listed in a file; a share of them may be left out."""

from pathlib import Path

import numpy as np
import pytest

from tests.toys.images import class_folders, image_cells, parquet
from trainer.config import ReadingConfig
from trainer.data.cache.decode import decode
from trainer.data.cache.images import CachedImages
from trainer.data.prepare import prepare

SIZE = 16


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "pets"
    class_folders(root / "train", {"cat": 6, "dog": 4})
    class_folders(root / "val", {"cat": 2, "dog": 2})
    return root


def prepared(data: Path, share: float = 0.0) -> CachedImages:
    reading = ReadingConfig(skip_damaged=share)
    return prepare(str(data), SIZE, reading, cache_dir=data.parent / "cache")


def damage(*paths: Path) -> None:
    for path in paths:
        path.write_bytes(path.read_bytes()[:-400])


def listed(data: Path) -> list[str]:
    (path,) = (data.parent / "cache").glob("damaged-pets-*.txt")
    return path.read_text().splitlines()


def test_all_damaged_images_are_listed_and_the_list_is_named(data: Path) -> None:
    bad = [data / "train/cat/0.png", data / "train/dog/3.png", data / "val/cat/1.png"]
    damage(*bad)
    with pytest.raises(ValueError, match="3 of 14 images cannot be decoded, first: ") as error:
        prepared(data)
    lines = listed(data)
    assert [line.split(": ")[0] for line in lines] == [str(path) for path in bad]
    assert all(len(line) > len(str(path)) + 5 for line, path in zip(lines, bad, strict=True))
    (path,) = (data.parent / "cache").glob("damaged-pets-*.txt")
    assert str(path) in str(error.value)
    assert str(error.value).endswith("--skip-damaged 0.25 leaves them out")  # 1 of 4 in val


def test_damaged_images_are_left_out_up_to_a_share(data: Path) -> None:
    damage(data / "train/cat/0.png", data / "train/dog/3.png")
    images = prepared(data, 0.2)
    train = images.splits["train"]
    assert train.labels.tolist() == [0] * 5 + [1] * 3
    assert train.images.shape == (8, SIZE, SIZE, 3)
    kept = [data / f"train/cat/{i}.png" for i in range(1, 6)]
    kept += [data / f"train/dog/{i}.png" for i in range(3)]
    for pixels, path in zip(train.images, kept, strict=True):
        np.testing.assert_array_equal(pixels, decode(path.read_bytes(), SIZE).pixels)
    assert len(images.splits["validation"]) == 4
    assert images.notes == (
        "left out because they are damaged: 2 of 10 training images; "
        f"{images.path}/damaged.txt lists them",
    )
    assert len((images.path / "damaged.txt").read_text().splitlines()) == 2
    assert prepared(data, 0.2).path == images.path


def test_the_share_counts_for_each_split(data: Path) -> None:
    damage(data / "val/cat/1.png", data / "val/dog/1.png")  # 2 of 14, but half of this split
    with pytest.raises(ValueError, match=r"2 of 14 images cannot be .*--skip-damaged 0\.5 leaves"):
        prepared(data, 0.2)
    assert len(prepared(data, 0.5).splits["validation"]) == 2


def test_a_class_does_not_vanish(data: Path) -> None:
    damage(*(data / f"train/dog/{i}.png" for i in range(4)))
    with pytest.raises(ValueError, match="all training images of class 'dog' are damaged"):
        prepared(data, 0.9)
    assert len(listed(data)) == 4
    assert not [path for path in (data.parent / "cache").glob("[!.]*px-*") if path.is_dir()]


def test_no_share_leaves_out_all_images(data: Path) -> None:
    damage(*(data / "train").rglob("*.png"))
    with pytest.raises(ValueError, match=r"10 of 14 images cannot be decoded") as error:
        prepared(data, 0.9)
    assert "--skip-damaged" not in str(error.value)


def test_rows_of_parquet_files_are_left_out_too(tmp_path: Path) -> None:
    cells = image_cells(6)
    cells[2]["bytes"] = None
    cells[4]["bytes"] = b"no image"
    path = parquet(tmp_path / "pets", {"image": cells, "label": [0, 0, 1, 1, 0, 1]})
    path = path.rename(tmp_path / "pets.parquet")
    images = prepared(path, 0.4)
    assert images.splits["train"].labels.tolist() == [0, 0, 1, 1]
    lines = (images.path / "damaged.txt").read_text().splitlines()
    assert [line.rsplit(": ", 1)[0] for line in lines] == [
        f"{path}, split train, row {row}" for row in (2, 4)
    ]


def test_copies_of_a_damaged_image_are_no_copies(data: Path) -> None:
    damage(data / "train/cat/0.png")
    (data / "train/cat/1.png").write_bytes((data / "train/cat/0.png").read_bytes())
    images = prepared(data, 0.5)
    assert images.splits["train"].groups is None
    assert len(images.notes) == 1


def test_a_name_with_a_line_break_is_one_line(data: Path) -> None:
    (data / "train/cat/a\nb.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="1 of 15 images cannot be decoded"):
        prepared(data)
    (line,) = listed(data)
    assert r"a\nb.png" in line
