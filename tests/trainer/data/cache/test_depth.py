"""Images of one set with levels of different depths get one scale, and the user is told."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.toys.images import encoded
from trainer.data.cache.decode import decode
from trainer.data.cache.depth import at_depth
from trainer.data.prepare import prepare


@pytest.fixture(autouse=True)
def _caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "caches"))


def write(
    root: Path, levels: list[tuple[str, int]], kind: type[np.uint8 | np.uint16] = np.uint16
) -> Path:
    """Write a picture of one level each, with one darker pixel so that no two are equal."""
    for i, (name, level) in enumerate(levels):
        values: npt.NDArray[np.uint8 | np.uint16] = np.full((8, 8), level, kind)
        values[0, i] = 0
        (root / name).mkdir(parents=True, exist_ok=True)
        (root / name / f"{i}.png").write_bytes(encoded(Image.fromarray(values)))
    return root


def centre_levels(root: Path, split: str = "train") -> list[int]:
    images = prepare(str(root), 8).splits[split].images
    return [int(level) for level in images[:, 4, 4, 0]]


def test_a_dark_image_keeps_its_brightness_relative_to_the_others(tmp_path: Path) -> None:
    root = write(tmp_path / "set", [("a", 4000), ("a", 1000), ("b", 2000), ("b", 100)])
    # all are scaled from 12 bits: level / 16, where 100 alone would be taken for 8 bits
    assert centre_levels(root) == [250, 62, 125, 6]
    (note,) = [note for note in prepare(str(root), 8).notes if "depths" in note]
    assert "(8 bits: 1, 10 bits: 1, 12 bits: 2); all are scaled from 12 bits" in note


def test_the_splits_of_a_set_have_one_scale(tmp_path: Path) -> None:
    root = tmp_path / "set"
    write(root / "train", [("a", 4000), ("a", 3000), ("b", 2000), ("b", 4000)])
    write(root / "test", [("a", 40000), ("b", 4000)])
    assert centre_levels(root) == [15, 11, 7, 15]  # level / 256
    assert centre_levels(root, "test") == [156, 15]


def test_images_of_8_bits_stay_as_they_are(tmp_path: Path) -> None:
    root = write(tmp_path / "set", [("a", 4000), ("a", 40000)])
    write(root, [("b", 100), ("b", 200)], np.uint8)
    assert centre_levels(root) == [15, 156, 100, 200]


def test_a_set_of_one_depth_is_scaled_from_it_without_a_note(tmp_path: Path) -> None:
    root = write(tmp_path / "set", [("a", 4000), ("a", 3000), ("b", 2200), ("b", 4000)])
    assert centre_levels(root) == [250, 187, 137, 250]
    assert not [note for note in prepare(str(root), 8).notes if "depths" in note]


def test_a_picture_alone_gets_the_pixels_that_it_has_in_the_set(tmp_path: Path) -> None:
    root = write(tmp_path / "set", [("a", 4000), ("a", 1000), ("b", 2000), ("b", 100)])
    images = prepare(str(root), 8)
    assert images.level_bits == 12
    split = images.splits["train"]
    assert split.origins is not None
    for index in range(4):
        raw = (root / split.origins[index]).read_bytes()
        assert np.array_equal(at_depth(decode(raw, 8), images.level_bits), split.images[index])


def test_a_deeper_picture_than_the_set_keeps_its_scale(tmp_path: Path) -> None:
    write(tmp_path, [("a", 40000)])
    raw = (tmp_path / "a/0.png").read_bytes()
    assert at_depth(decode(raw, 8), 12)[4, 4, 0] == 156  # 40000 / 256
    assert at_depth(decode(raw, 8), None)[4, 4, 0] == 156


def test_a_set_of_8_bits_has_no_depth(tmp_path: Path) -> None:
    root = write(tmp_path / "set", [("a", 1), ("a", 2), ("b", 100), ("b", 200)], np.uint8)
    assert prepare(str(root), 8).level_bits is None
