"""Notes on evaluated images: each fact that changes what the accuracy means, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from tests.toys.model import toy_model
from tests.toys.training import images
from trainer.data.cache.images import DECODING_VERSION
from trainer.evaluation.record import SplitName
from trainer.evaluation.usage_notes import usage_notes
from trainer.preprocessing import Preprocessing

ALL = np.arange(3)


def notes(name: SplitName = "test", *, labels: object = ALL, own: bool = True) -> tuple[str, ...]:
    noted = replace(images(9), notes=("two images are copies",))
    return usage_notes(toy_model(), noted, np.array(labels), name, of_training=own)


def test_usual_images_have_no_note() -> None:
    assert notes() == ()


def test_only_images_of_the_training_are_known_to_the_network() -> None:
    (note,) = notes("train")
    assert note.startswith("the network was trained on these images")
    assert notes("train", own=False) == ("two images are copies",)


@pytest.mark.parametrize("labels", [[1, 1, 0], [[1, 0], [1, -1], [0, -1]]])
def test_classes_without_images_are_named(labels: object) -> None:
    expected = "1 of the 3 classes of the model has no image here: 'big [red] bird'"
    assert notes(labels=labels) == (expected,)


def test_another_depth_of_the_levels_is_noted() -> None:
    (note,) = usage_notes(
        toy_model(), replace(images(9), level_bits=12), ALL, "test", of_training=True
    )
    assert note.startswith(
        "the images have levels of 12 bits, and those of the training had 8 bits"
    )


def test_a_model_of_another_decoding_is_noted_for_its_own_images_only() -> None:
    earlier = Preprocessing(decoded_size=16, decoding=DECODING_VERSION - 1)
    model = toy_model(preprocessing=earlier)
    (note,) = usage_notes(model, images(9), ALL, "test", of_training=True)
    assert "an earlier version of this program" in note
    assert usage_notes(model, images(9), ALL, "test", of_training=False) == ()
