"""Preprocessing: its stored form, and the pixels of a crop, a resize and the scale to [-1, 1]."""

import pytest
import torch

from trainer.preprocessing import Preprocessing, central_crop


def preprocessing(**changes: object) -> Preprocessing:
    stored = {
        "decoded_size": 8,
        "fit": "pad",
        "eval_crop": 0.5,
        "level_bits": 12,
        "decoding": 2,
    }
    return Preprocessing.from_dict({**stored, **changes})


def test_the_stored_form_is_inverted() -> None:
    assert Preprocessing.from_dict(preprocessing().to_dict()) == preprocessing()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fit": "stretch"}, "preprocessing.fit must be crop or pad or squash"),
        ({"eval_crop": 0}, "preprocessing.eval_crop must be in"),
        ({"eval_crop": "1"}, "preprocessing.eval_crop must be in"),
        ({"level_bits": 17}, "preprocessing.level_bits must be"),
        ({"decoded_size": 0}, "preprocessing.decoded_size must be"),
        ({"decoding": None}, "preprocessing.decoding must be"),
        ({"other": 1}, "preprocessing"),
    ],
)
def test_a_wrong_value_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        preprocessing(**changes)


def test_the_centre_is_kept() -> None:
    image = torch.arange(64, dtype=torch.uint8).reshape(1, 1, 8, 8)
    assert central_crop(image, 0.5)[0, 0, :, 0].tolist() == [18, 26, 34, 42]
    assert torch.equal(central_crop(image, 1.0), image)
    assert central_crop(image, 0.01).shape == (1, 1, 1, 1)


def test_the_input_is_cropped_then_resized_then_scaled() -> None:
    pixels = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    pixels[:, :, 2:6, 2:4] = 255  # the left half of the centre
    found = preprocessing().network_input(pixels, 4)
    assert found.dtype == torch.float32
    assert found[0, 0].tolist() == [[1.0, 1.0, -1.0, -1.0]] * 4


def test_pictures_are_decoded_larger_for_a_larger_input() -> None:
    assert preprocessing().for_size(12) == preprocessing(decoded_size=12)
    assert preprocessing().for_size(4) == preprocessing()
