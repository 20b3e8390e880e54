import numpy as np
import pytest
import torch
from torch import Tensor

from tests.trainer.augment.pillow_ops import from_pillow, pillow_op, to_pillow
from trainer.augment import per_kind
from trainer.augment.operations import Draws, Op, apply_ops

MAGNITUDES = (0.0, 1.0, 3.0, 5.0, 8.0, 10.0, 11.0, 15.0, 20.0, 25.0, 30.0)
# Without the round ones, at which whole rows of an image lie between two pixels.
UNEVEN_MAGNITUDES = (0.7, 3.1, 4.97, 8.9, 10.03, 15.07, 19.7, 25.03)
WARPS = (Op.ROTATE, Op.SHEAR_X, Op.SHEAR_Y, Op.TRANSLATE_X, Op.TRANSLATE_Y)


def photo_like(count: int = 4, height: int = 45, width: int = 37) -> Tensor:
    """Return uint8 images, channels_last: slopes with noise, with other ranges of levels."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(0, 1, height)[:, None, None] + np.linspace(0, 1, width)[:, None]
    low, high = rng.uniform(0, 90, (count, 1, 1, 3)), rng.uniform(120, 255, (count, 1, 1, 3))
    noise = rng.normal(0, 12, (count, height, width, 3))
    levels = (low + (high - low) * ramp / 2 + noise).clip(low, high)
    return torch.from_numpy(levels.astype(np.uint8)).permute(0, 3, 1, 2)


def odd_images() -> Tensor:
    """Return edge cases: one level, two levels, all levels, a dot."""
    images = torch.zeros((4, 16, 17, 3), dtype=torch.uint8)
    images[0] = 77
    images[1, :, 8:] = 255
    images[2] = (torch.arange(16 * 17 * 3) % 256).view(16, 17, 3).to(torch.uint8)
    images[3] = 200
    images[3, 5, 5] = torch.tensor([3, 200, 201], dtype=torch.uint8)
    return images.permute(0, 3, 1, 2)


def draws_of(op: Op, magnitude: float, count: int) -> Draws:
    signs = torch.ones(count)
    signs[::2] = -1
    centres = torch.rand((count, 2), generator=torch.Generator().manual_seed(5))
    return Draws(
        ops=torch.full((count,), int(op)),
        magnitudes=torch.full((count,), magnitude),
        signs=signs,
        centres=centres,
    )


def both(images: Tensor, op: Op, magnitude: float) -> tuple[Tensor, Tensor]:
    """Return our images and Pillow's."""
    draws = draws_of(op, magnitude, len(images))
    theirs = [
        from_pillow(
            pillow_op(
                to_pillow(image.numpy()),
                op.name.lower(),
                magnitude,
                sign=int(draws.signs[place]),
                centre=(float(draws.centres[place, 0]), float(draws.centres[place, 1])),
            )
        )
        for place, image in enumerate(images)
    ]
    return apply_ops(images, draws), torch.from_numpy(np.stack(theirs))


@pytest.mark.parametrize("op", [op for op in Op if op not in WARPS], ids=lambda op: op.name)
def test_colour_operations_and_cutout_equal_pillow_level_by_level(op: Op) -> None:
    for images in (photo_like(), odd_images()):
        for magnitude in MAGNITUDES:
            ours, theirs = both(images, op, magnitude)
            assert torch.equal(ours, theirs), magnitude


@pytest.mark.parametrize("op", WARPS, ids=lambda op: op.name)
def test_warps_equal_pillow_but_for_places_between_two_pixels(op: Op) -> None:
    images = photo_like()
    for magnitude in UNEVEN_MAGNITUDES:
        ours, theirs = both(images, op, magnitude)
        differing = (ours != theirs).any(dim=1).float().mean()
        assert differing <= 0.003, magnitude


def test_whole_translations_and_no_move_equal_pillow_exactly() -> None:
    images = photo_like(height=30, width=60)  # thirds are whole pixels
    for op in WARPS:
        for magnitude in (0.0, 10.0, 20.0) if op >= Op.TRANSLATE_X else (0.0,):
            ours, theirs = both(images, op, magnitude)
            assert torch.equal(ours, theirs), (op, magnitude)


def test_a_batch_of_all_operations_equals_single_operations() -> None:
    images = photo_like(count=64)
    ops = torch.arange(64) % len(Op)
    generator = torch.Generator().manual_seed(1)
    magnitudes = torch.rand(64, generator=generator) * 25
    mixed = Draws(
        ops=ops,
        magnitudes=magnitudes,
        signs=torch.ones(64),
        centres=torch.rand((64, 2), generator=generator),
    )
    together = apply_ops(images, mixed)
    for place in range(64):
        one = slice(place, place + 1)
        alone = Draws(
            ops=mixed.ops[one],
            magnitudes=mixed.magnitudes[one],
            signs=mixed.signs[one],
            centres=mixed.centres[one],
        )
        assert torch.equal(together[one], apply_ops(images[one], alone))


def test_computing_every_operation_for_all_images_gives_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = photo_like(count=64)
    draws = Draws(
        ops=torch.arange(64) % len(Op),
        magnitudes=torch.linspace(0, 25, 64),
        signs=torch.ones(64),
        centres=torch.full((64, 2), 0.4),
    )
    gathered = apply_ops(images, draws)
    asked = []

    def as_on_a_gpu(device: torch.device) -> bool:
        asked.append(device)
        return False

    monkeypatch.setattr(per_kind, "gathers_rows", as_on_a_gpu)
    assert torch.equal(apply_ops(images, draws), gathered)
    assert asked


@pytest.mark.parametrize("side", [1, 2, 3])
def test_tiny_images_equal_pillow(side: int) -> None:
    images = photo_like(height=side, width=side)
    for op in Op:
        ours, theirs = both(images, op, 5.0)
        if op != Op.ROTATE:  # at 3 pixels half of the places lie between two
            assert torch.equal(ours, theirs), op


def test_an_empty_batch_stays_empty() -> None:
    assert apply_ops(photo_like()[:0], draws_of(Op.INVERT, 5.0, 0)).shape == (0, 3, 45, 37)
