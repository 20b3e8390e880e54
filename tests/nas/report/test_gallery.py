"""Galleries: which mistakes are shown, in which order, and their thumbnails."""

import base64
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.report.gallery import confident_mistakes, mistake_gallery, share, thumbnail
from nas.report.thumbnails import Pictures, data_uri, open_pictures
from tests.toys.trained_folder import decoded_pets
from trainer.evaluation.files import PredictedImage


def predicted(index: int, prediction: str, confidence: float) -> PredictedImage:
    return PredictedImage(
        image=f"val/{index}.png",
        index=index,
        label="cat",
        prediction=prediction,
        confidence=confidence,
        label_probability=confidence if prediction == "cat" else 1 - confidence,
    )


def picture_of(address: str) -> Image.Image:
    head, _, content = address.partition(",")
    assert head in ("data:image/png;base64", "data:image/jpeg;base64")
    return Image.open(io.BytesIO(base64.b64decode(content)))


def test_wrong_predictions_are_shown_the_surest_first() -> None:
    told = [
        *(predicted(0, "cat", 0.99), predicted(1, "dog", 0.6)),
        *(predicted(2, "dog", 0.9), predicted(3, "dog", 0.75)),
    ]
    assert [one.index for one in confident_mistakes(told, count=9)] == [2, 3, 1]
    assert [one.index for one in confident_mistakes(told, count=2)] == [2, 3]
    shown = mistake_gallery(confident_mistakes(told, count=1), Pictures(images=None), "test")
    assert [(one.label, one.label_share, one.said, one.said_share) for one in shown] == [
        ("cat", "10.0 %", "dog", "90.0 %")
    ]
    assert (shown[0].origin, shown[0].picture) == ("val/2.png", "")


def test_an_image_of_unknown_origin_has_its_position() -> None:
    (shown,) = mistake_gallery(
        [replace(predicted(7, "dog", 0.5), image="")], Pictures(images=None), "test"
    )
    assert shown.origin == "image 7"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.0 %"), (0.5, "50.0 %"), (0.9994, "99.9 %"), (0.99996, "> 99.9 %"), (1.0, "100.0 %")],
)
def test_a_probability_is_not_called_certain_unless_it_is(value: float, text: str) -> None:
    assert share(value) == text


def test_a_small_picture_keeps_every_pixel() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(picture_of(data_uri(pixels))), pixels)


def test_a_large_picture_becomes_a_small_one() -> None:
    pixels = np.full((224, 224, 3), (200, 40, 90), dtype=np.uint8)
    made = picture_of(data_uri(pixels))
    assert made.size == (96, 96)
    assert np.abs(np.asarray(made).astype(int) - [200, 40, 90]).max() <= 3
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    assert len(data_uri(noise)) < 16_000  # the worst case of a page of 60 is below 1 MB


def test_pictures_are_those_of_the_cache(tmp_path: Path) -> None:
    images = decoded_pets(tmp_path)
    pictures = open_pictures(images.path, content=images.content)
    assert pictures.reason == ""
    for split, name in (("validation", "validation"), ("holdout", "train")):
        shown = picture_of(thumbnail(pictures, split, 5))
        assert np.array_equal(np.asarray(shown), images.splits[name].images[5])
    assert thumbnail(pictures, "validation", 8) == ""  # there are 8 images
    assert thumbnail(pictures, "test", 0) == ""  # there is no such split


def test_what_cannot_be_shown_has_a_reason(tmp_path: Path) -> None:
    images = decoded_pets(tmp_path)
    gone = open_pictures(tmp_path / "gone")
    assert gone.reason.startswith(f"The decoded images are no longer in {tmp_path / 'gone'}")
    changed = open_pictures(images.path, content="another digest")
    assert "have changed since" in changed.reason
    assert gone.images is None
    assert changed.images is None
