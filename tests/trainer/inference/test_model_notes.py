"""Notes on a model: other versions of the decoding, several classes, images that are enlarged."""

from dataclasses import replace

import pytest

from tests.toys.model import toy_model
from trainer.data.cache import images
from trainer.inference import model_notes as notes
from trainer.model_file import ModelFile
from trainer.preprocessing import Preprocessing


def model(decoding: int = images.DECODING_VERSION) -> ModelFile:
    preprocessing = Preprocessing(decoded_size=40, eval_crop=0.75, decoding=decoding)
    return toy_model(ema={}, raw={}, preprocessing=preprocessing)


@pytest.fixture(autouse=True)
def _program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "DECODING_VERSION", 3)


def test_a_model_of_this_version_needs_no_note() -> None:
    assert notes.model_notes(model(3)) == ()


@pytest.mark.parametrize(
    ("decoding", "part"),
    [
        (1, "does not hold how its images were decoded"),
        (2, "by an earlier version of this program (decoding 2, here 3)"),
        (4, "by a newer version of this program (decoding 4, here 3)"),
    ],
)
def test_another_decoding_is_said(decoding: int, part: str) -> None:
    (note,) = notes.model_notes(model(decoding))
    assert part in note
    assert "differ slightly" in note


def test_several_classes_are_said() -> None:
    (note,) = notes.model_notes(replace(model(3), multi_label=True))
    assert "several classes" in note


def test_enlarging_is_said_from_the_centre_that_is_kept() -> None:
    assert notes.model_notes(model(3), 30) == ()  # 0.75 of 40 px
    (note,) = notes.model_notes(model(3), 31)
    assert "their centre of 30 px is enlarged to 31 px" in note
