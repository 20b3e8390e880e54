"""Images that lose their sides, are nearly black or of one colour are noted."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.toys.images import encoded, picture
from trainer.config import ReadingConfig
from trainer.data.cache.facts import Facts, no_facts
from trainer.data.cache.pixel_notes import pixel_notes
from trainer.data.prepare import prepare

CROP = ReadingConfig()


def facts(count: int = 10, **values: object) -> Facts:
    """Return facts of usual images with some changed."""
    found = no_facts(count)
    usual = {"aspect": 1.33, "brightest": 250, "contrast": 200, "bits": 0, "decoded": True}
    for name, value in {**usual, **values}.items():
        found[name] = value
    return found


def test_usual_images_have_no_notes() -> None:
    assert pixel_notes(facts(), CROP) == []


def test_the_share_that_the_centre_square_keeps_is_noted() -> None:
    (note,) = pixel_notes(facts(aspect=4.0), CROP)
    assert note.startswith("the images are 4.0:1 (median), and their centre squares keep 25 % of")
    assert "--fit pad or --fit squash" in note
    assert pixel_notes(facts(aspect=4.0), ReadingConfig(fit="pad")) == []
    assert pixel_notes(facts(aspect=4.0), ReadingConfig(fit="squash")) == []


def test_a_wide_minority_is_noted() -> None:
    (note,) = pixel_notes(facts(aspect=[1.0] * 8 + [3.0] * 2), CROP)
    assert note.startswith("20 % of the images are more than 2:1")
    assert pixel_notes(facts(20, aspect=[1.0] * 19 + [3.0]), CROP) == []


def test_nearly_black_images_are_noted() -> None:
    (note,) = pixel_notes(facts(brightest=15, contrast=15), CROP)
    assert note.startswith("the images are nearly black: the brightest level of half of them is ")
    assert "at most 15 of 255" in note
    assert pixel_notes(facts(brightest=[15] * 4 + [250] * 6), CROP) == []


def test_images_of_one_colour_are_noted() -> None:
    (note,) = pixel_notes(facts(contrast=3), CROP)
    assert note.startswith("half of the images are of nearly one colour")


@pytest.mark.parametrize(
    ("size", "expected"),
    [((60, 20), "3.0:1 (median)"), ((20, 60), "3.0:1 (median)"), ((20, 20), "")],
)
def test_a_data_set_gets_the_notes_on_its_training_images(
    tmp_path: Path, size: tuple[int, int], expected: str
) -> None:
    for name in "ab":
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(4):
            image = picture(seed=ord(name) * 10 + i, size=size)
            (tmp_path / "set" / name / f"{i}.png").write_bytes(encoded(image))
    images = prepare(str(tmp_path / "set"), 16, cache_dir=tmp_path / "cache")
    assert any(expected in note for note in images.notes) if expected else not images.notes


def test_black_files_are_noted(tmp_path: Path) -> None:
    for number, name in enumerate("ab"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(3):
            level = np.full((16, 16), number * 3 + i, dtype=np.uint8)
            (tmp_path / "set" / name / f"{i}.png").write_bytes(encoded(Image.fromarray(level)))
    images = prepare(str(tmp_path / "set"), 16, cache_dir=tmp_path / "cache")
    assert [note.split(":")[0] for note in images.notes] == ["the images are nearly black"]
