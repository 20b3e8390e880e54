"""Facts of an image: equal digests for equal content, levels and contrast of single channels."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.toys.images import encoded, picture
from trainer.data.cache.decode import Decoded
from trainer.data.cache.facts import facts_of, no_facts
from trainer.data.sources.source import RawImage


def one(raw: RawImage, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.void]:
    facts = no_facts(1)
    facts[0] = facts_of(raw, Decoded(pixels, native_size=8, aspect=1.5))
    return facts


def flat(*colour: int) -> npt.NDArray[np.uint8]:
    return np.full((4, 4, 3), colour, dtype=np.uint8)


@pytest.mark.parametrize(
    ("change", "brightest", "contrast"),
    [
        ({}, 90, 0),  # one colour has no contrast, although its channels differ
        ({(0, 3, 1): 130}, 130, 127),  # green of one pixel: 130 - 3
        ({(3, 0, 2): 10, (1, 1, 2): 60}, 90, 80),  # blue from 10 to 90
    ],
)
def test_levels_are_compared_within_each_channel(
    change: dict[tuple[int, int, int], int], brightest: int, contrast: int
) -> None:
    pixels = flat(1, 3, 90)
    for place, level in change.items():
        pixels[place] = level
    (facts,) = one(b"x", pixels)
    assert (facts["brightest"], facts["contrast"]) == (brightest, contrast)
    assert facts["decoded"]
    assert facts["native_size"] == 8
    assert facts["aspect"] == 1.5


def test_equal_content_has_equal_digests() -> None:
    pixels = flat(0, 0, 0)
    raw = encoded(picture(1))
    same, other = one(bytes(raw), pixels), one(raw + b"\0", pixels)
    assert (one(raw, pixels)["digest"] == same["digest"]).all()
    assert (one(raw, pixels)["digest"] != other["digest"]).any()
    rendered = one(picture(1), pixels)
    assert (rendered["digest"] == one(picture(1), pixels)["digest"]).all()
    assert (rendered["digest"] != one(picture(2), pixels)["digest"]).any()
    # the same bytes in another shape
    wide, high = (Image.frombytes("L", size, bytes(8)) for size in ((4, 2), (2, 4)))
    assert (one(wide, pixels)["digest"] != one(high, pixels)["digest"]).any()
