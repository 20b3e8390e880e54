import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.trainer.augment.pillow_ops import from_pillow, to_pillow
from trainer.augment.resized_crop import random_boxes, random_resized_crop, resize_boxes

SCALE, RATIO = (0.05, 1.0), (3 / 4, 4 / 3)


def noise(count: int, height: int, width: int) -> Tensor:
    """Return uint8 images, channels_last; noise is the hardest to resize."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (count, height, width, 3), generator=generator)
    return pixels.to(torch.uint8).permute(0, 3, 1, 2)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("size", [8, 32, 61, 128])
@pytest.mark.parametrize(("height", "width"), [(64, 64), (50, 97)])
def test_resizing_a_box_equals_pillow_within_a_level(size: int, height: int, width: int) -> None:
    images = noise(6, height, width)
    boxes = random_boxes(6, (height, width), seeded(2), scale=SCALE, ratio=RATIO)
    ours = resize_boxes(images, boxes, size)
    for image, box, result in zip(images, boxes.tolist(), ours, strict=True):
        top, left, box_height, box_width = box
        corners = (left, top, left + box_width, top + box_height)
        corners = tuple(
            min(max(0, at), width if i % 2 == 0 else height) for i, at in enumerate(corners)
        )
        theirs = to_pillow(image.numpy()).resize((size, size), Image.Resampling.BILINEAR, corners)
        difference = np.abs(result.numpy().astype(int) - from_pillow(theirs))
        assert difference.max() <= 1


def test_the_whole_image_at_its_own_size_stays() -> None:
    images = noise(3, 40, 40)
    whole = torch.tensor([[0.0, 0.0, 40.0, 40.0]]).expand(3, -1)
    assert torch.equal(resize_boxes(images, whole, 40), images)


def test_halving_a_checkerboard_gives_its_mean() -> None:
    """Without antialiasing the result would be black or white."""
    checks = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 200
    images = checks.to(torch.uint8).expand(1, 3, 64, 64)
    half = resize_boxes(images, torch.tensor([[0.0, 0.0, 64.0, 64.0]]), 32)
    assert half[..., 1:-1, 1:-1].unique().tolist() == [100]


def test_floats_are_resized_as_bytes_are_but_not_rounded() -> None:
    images = noise(8, 50, 50)
    whole = random_resized_crop(images, 20, seeded(0))
    fine = random_resized_crop(images.float(), 20, seeded(0))
    assert torch.equal(fine.round().to(torch.uint8), whole)
    assert not torch.equal(fine, fine.round())


def test_an_image_does_not_depend_on_the_size_of_its_batch() -> None:
    images = noise(300, 30, 30)  # several chunks
    boxes = random_boxes(300, (30, 30), seeded(0), scale=SCALE, ratio=RATIO)
    together = resize_boxes(images, boxes, 32)
    for place in range(0, 300, 7):
        one = slice(place, place + 1)
        difference = together[one].int() - resize_boxes(images[one], boxes[one], 32).int()
        assert int(difference.abs().max()) <= 1


def test_results_are_channels_last_and_the_input_stays() -> None:
    for images in (noise(8, 50, 40), noise(8, 50, 40).contiguous()):
        before = images.clone()
        cropped = random_resized_crop(images, 24, seeded(0))
        assert cropped.shape == (8, 3, 24, 24)
        assert cropped.dtype == torch.uint8
        assert cropped.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(images, before)


def test_every_image_has_its_own_box_from_the_generator() -> None:
    images = noise(1, 50, 50).expand(8, -1, -1, -1)
    cropped = random_resized_crop(images, 24, seeded(0))
    assert len({image.numpy().tobytes() for image in cropped}) == 8
    assert torch.equal(random_resized_crop(images, 24, seeded(0)), cropped)


@pytest.mark.parametrize("sides", [(100, 100), (60, 150)])
def test_boxes_lie_inside_with_area_and_aspect_in_range(sides: tuple[int, int]) -> None:
    top, left, height, width = random_boxes(5000, sides, seeded(0), scale=SCALE, ratio=RATIO).T
    assert float(top.min()) >= 0
    assert float(left.min()) >= 0
    assert float((top + height).max()) <= sides[0] * (1 + 1e-6)
    assert float((left + width).max()) <= sides[1] * (1 + 1e-6)
    area, aspect = height * width / (sides[0] * sides[1]), width / height
    assert 0.05 * 0.999 <= float(area.min()) < 0.06
    assert 0.75 * 0.999 <= float(aspect.min()) < 0.76
    assert 1.32 < float(aspect.max()) <= 4 / 3 * 1.001
    if sides[0] == sides[1]:
        assert abs(float(aspect.log().mean())) < 0.02  # wide and tall are equally likely


def test_areas_are_uniform_if_every_draw_fits() -> None:
    boxes = random_boxes(8000, (100, 100), seeded(0), scale=(0.1, 0.5), ratio=RATIO)
    areas = boxes[:, 2] * boxes[:, 3] / 10_000
    for part in (0.25, 0.5, 0.75):
        assert abs(float(areas.quantile(part)) - (0.1 + 0.4 * part)) < 0.012


def test_a_box_that_never_fits_falls_back_to_the_largest_centred_one() -> None:
    boxes = random_boxes(4, (50, 200), seeded(0), scale=(1.0, 1.0), ratio=(1.0, 2.0))
    torch.testing.assert_close(boxes, torch.tensor([[0.0, 50.0, 50.0, 100.0]]).expand(4, -1))


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("size", {"size": 0}),
        ("scale", {"scale": (0.0, 1.0)}),
        ("scale", {"scale": (0.5, 1.1)}),
        ("ratio", {"ratio": (2.0, 1.0)}),
        ("ratio", {"ratio": (1.0, math.inf)}),
    ],
)
def test_ranges_are_checked(field: str, options: dict[str, object]) -> None:
    arguments: dict[str, object] = {"size": 8, **options}
    with pytest.raises(ValueError, match=f"random_resized_crop.{field} must be"):
        random_resized_crop(noise(1, 9, 9), generator=seeded(0), **arguments)  # type: ignore[arg-type]
