"""Notes on a model: other versions of the decoding, several classes, larger sizes."""

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


def test_a_size_above_that_of_the_training_is_said() -> None:
    assert notes.model_notes(model(3), 40) == ()
    (note,) = notes.model_notes(model(3), 41)
    assert "decoded at 41 px; in the training they were decoded at 40 px" in note
