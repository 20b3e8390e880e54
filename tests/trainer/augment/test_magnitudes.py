from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from trainer.augment.operations import (
    cutout_part,
    enhancement_factor,
    posterize_bits,
    rotation_degrees,
    shear_factor,
    solarize_added,
    solarize_threshold,
    translation_part,
)

MAGNITUDES = [5.0, 10.0, 15.0, 20.0, 25.0]


# The released code's arguments, computed by hand from its ranges and clamped; translation and
# cutout from its 50, 100, ... and 20, 40, ... pixels, at 300 pixels of the side.
@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (rotation_degrees, [15, 30, 45, 60, 75]),
        (shear_factor, [0.15, 0.3, 0.45, 0.6, 0.75]),
        (translation_part, [1 / 6, 1 / 3, 1 / 2, 2 / 3, 5 / 6]),
        (enhancement_factor, [1.0, 1.9, 2.8, 3.7, 4.6]),
        (posterize_bits, [2, 4, 6, 8, 8]),
        (solarize_threshold, [128, 256, 256, 256, 256]),
        (solarize_added, [55, 110, 165, 220, 275]),
        (cutout_part, [1 / 15, 2 / 15, 1 / 5, 4 / 15, 1 / 3]),
    ],
)
def test_arguments_are_the_released_ones_clamped(
    argument: Callable[[Tensor], Tensor], expected: list[float]
) -> None:
    torch.testing.assert_close(
        argument(torch.tensor(MAGNITUDES)).float(), torch.tensor(expected, dtype=torch.float32)
    )


def test_no_magnitude_leaves_the_range_of_an_operation() -> None:
    magnitudes = torch.linspace(0, 100, 1001)
    assert [int(end) for end in posterize_bits(magnitudes).aminmax()] == [1, 8]
    assert [int(end) for end in solarize_threshold(magnitudes).aminmax()] == [0, 256]
