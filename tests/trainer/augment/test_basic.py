from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.trainer.augment.pillow_ops import cut_out, from_pillow, to_pillow
from trainer.augment.basic import cutout, flip, shift_crop

Augment = Callable[[Tensor, torch.Generator], Tensor]


def batch(count: int = 64, height: int = 9, width: int = 7) -> Tensor:
    """Return uint8 images, channels_last, in which all pixels are different."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (count, height, width, 3), generator=generator)
    return pixels.to(torch.uint8).permute(0, 3, 1, 2)


def shift(images: Tensor, generator: torch.Generator) -> Tensor:
    return shift_crop(images, 3, generator)


def cut(images: Tensor, generator: torch.Generator) -> Tensor:
    return cutout(images, 0.5, generator)


every_augment = pytest.mark.parametrize("augment", [flip, shift, cut])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@every_augment
def test_the_same_generator_state_gives_the_same_images(augment: Augment) -> None:
    images = batch()
    assert torch.equal(augment(images, seeded(3)), augment(images, seeded(3)))
    assert not torch.equal(augment(images, seeded(3)), augment(images, seeded(4)))


@every_augment
def test_floats_change_as_bytes_do(augment: Augment) -> None:
    images = batch()
    assert torch.equal(augment(images.float(), seeded(3)), augment(images, seeded(3)).float())


@every_augment
def test_input_and_memory_format_are_kept(augment: Augment) -> None:
    images = batch()
    before = images.clone()
    changed = augment(images, seeded(3))
    assert torch.equal(images, before)
    assert changed.dtype == torch.uint8
    assert changed.is_contiguous(memory_format=torch.channels_last)


def test_flip_mirrors_about_half_of_the_images_and_nothing_else() -> None:
    images = batch(count=400)
    flipped = flip(images, seeded(0)).numpy()
    mirrored = 0
    for before, after in zip(images.numpy(), flipped, strict=True):
        if not np.array_equal(before, after):
            np.testing.assert_array_equal(after, before[:, :, ::-1])
            mirrored += 1
    assert 150 < mirrored < 250  # five standard deviations of a fair coin


def test_shift_crop_is_a_window_of_the_reflected_image() -> None:
    padding = 3
    images = batch(count=300)
    seen = set()
    for before, after in zip(
        images.numpy(), shift_crop(images, padding, seeded(0)).numpy(), strict=True
    ):
        padded = np.pad(before, ((0, 0), (padding, padding), (padding, padding)), "reflect")
        height, width = before.shape[1:]
        windows = {
            (top, left): padded[:, top : top + height, left : left + width]
            for top in range(2 * padding + 1)
            for left in range(2 * padding + 1)
        }
        found = [place for place, window in windows.items() if np.array_equal(window, after)]
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) == (2 * padding + 1) ** 2  # 300 draws contain all 49 shifts


def test_no_padding_changes_nothing() -> None:
    assert torch.equal(shift_crop(batch(), 0, seeded(0)), batch())


@pytest.mark.parametrize("padding", [-1, 7])
def test_padding_must_be_below_the_smaller_side(padding: int) -> None:
    with pytest.raises(ValueError, match=r"shift_crop.padding must be in \[0, 7\)"):
        shift_crop(batch(), padding, seeded(0))


def test_cutout_equals_a_square_drawn_by_pillow() -> None:
    images = batch(count=50, height=20, width=24)
    changed = cutout(images, 0.4, seeded(0))
    centres = torch.rand((50, 2), generator=seeded(0))
    for before, after, centre in zip(images, changed, centres.tolist(), strict=True):
        drawn = cut_out(to_pillow(before.numpy()), 4, centre=(centre[0], centre[1]))
        np.testing.assert_array_equal(after.numpy(), from_pillow(drawn))


def test_cutout_of_noise_lies_in_the_upper_half() -> None:
    images = torch.zeros((30, 3, 16, 16), dtype=torch.uint8)
    noise = cutout(images, 1.0, seeded(0), fill=None)
    filled = noise[noise > 0]
    assert int(filled.min()) == 128
    assert len(filled.unique()) == 128
    floats = cutout(torch.full((30, 3, 16, 16), -1.0), 1.0, seeded(0), fill=None)
    assert 0 <= float(floats[floats > -1].min()) < float(floats.max()) < 1


def test_cutout_with_part_zero_changes_nothing() -> None:
    assert torch.equal(cutout(batch(), 0.0, seeded(0)), batch())


def test_cutout_rejects_a_negative_part() -> None:
    with pytest.raises(ValueError, match=r"cutout.part must be >= 0, got -1"):
        cutout(batch(), -1, seeded(0))
