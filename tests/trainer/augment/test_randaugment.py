import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.augment.operations import Op
from trainer.augment.randaugment import draw, randaugment


def photo(side: int = 40) -> Tensor:
    """Return one uint8 image (1, 3, side, side) of slopes, dots and colours."""
    rng = np.random.default_rng(3)
    ramp = np.linspace(20, 200, side)
    levels = np.stack(
        [ramp[:, None] + 0 * ramp, ramp + 0 * ramp[:, None], 220 - ramp * ramp[:, None] / 200]
    )
    return torch.from_numpy(
        (levels + rng.normal(0, 9, levels.shape)).clip(0, 255).astype(np.uint8)
    )[None]


def batch(count: int) -> Tensor:
    return photo().expand(count, -1, -1, -1).contiguous(memory_format=torch.channels_last)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def distinct(images: Tensor) -> int:
    return len({image.numpy().tobytes() for image in images})


def test_eight_identical_images_become_eight_different_ones() -> None:
    counts = [distinct(randaugment(batch(8), 12.0, seeded(seed))) for seed in range(40)]
    assert np.mean(counts) > 7.8
    assert min(counts) >= 6


def test_the_generator_decides_everything() -> None:
    images = batch(32)
    torch.manual_seed(1)
    first = randaugment(images, 12.0, seeded(3))
    torch.manual_seed(2)
    assert torch.equal(randaugment(images, 12.0, seeded(3)), first)
    assert not torch.equal(randaugment(images, 12.0, seeded(4)), first)


def test_input_stays_and_the_result_is_channels_last() -> None:
    for images in (batch(16), batch(16).contiguous()):
        before = images.clone()
        changed = randaugment(images, 12.0, seeded(0))
        assert torch.equal(images, before)
        assert changed.dtype == torch.uint8
        assert changed.is_contiguous(memory_format=torch.channels_last)


def test_the_memory_format_does_not_change_the_result() -> None:
    images = batch(32)
    expected = randaugment(images, 12.0, seeded(0))
    assert torch.equal(randaugment(images.contiguous(), 12.0, seeded(0)), expected)


def test_operations_directions_and_magnitudes_are_drawn_for_each_image() -> None:
    count = 16_000
    draws = draw(count, 15.0, seeded(0), std=0.5)
    share = draws.ops.bincount(minlength=len(Op)) / count
    assert float((share - 1 / 16).abs().max()) < 0.01  # five standard deviations
    assert set(draws.signs.tolist()) == {-1.0, 1.0}
    assert abs(float(draws.signs.mean())) < 0.04
    assert abs(float(draws.magnitudes.mean()) - 15) < 0.02
    assert abs(float(draws.magnitudes.std()) - 0.5) < 0.02
    assert len(draws.magnitudes.unique()) > count / 2
    assert 0 <= float(draws.centres.min()) < 0.01 < 0.99 < float(draws.centres.max()) < 1


def test_no_spread_gives_every_image_the_magnitude_itself() -> None:
    assert draw(50, 7.0, seeded(0), std=0.0).magnitudes.unique().tolist() == [7.0]


def test_magnitudes_never_fall_below_zero() -> None:
    assert float(draw(1000, 0.1, seeded(0), std=2.0).magnitudes.min()) == 0.0


def test_the_change_grows_with_the_magnitude_of_moves() -> None:
    """The mean change at 25 exceeds the one at 5: only two operations are clamped at 10."""
    images = batch(400)
    change = {
        magnitude: float((randaugment(images, magnitude, seeded(0)).float() - images).abs().mean())
        for magnitude in (5.0, 15.0, 25.0)
    }
    assert change[5.0] < change[15.0] < change[25.0]


def test_zero_layers_change_nothing() -> None:
    assert torch.equal(randaugment(batch(4), 12.0, seeded(0), layers=0), batch(4))


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (torch.zeros(2, 3, 4, 4), {}, "images must be uint8"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), {}, r"images must be uint8 \(batch, 3"),
        (
            torch.zeros(2, 3, 4, 4, dtype=torch.uint8),
            {"layers": -1},
            "layers must be >= 0, got -1",
        ),
        (
            torch.zeros(2, 3, 4, 4, dtype=torch.uint8),
            {"magnitude_std": -1.0},
            "magnitude_std must",
        ),
    ],
)
def test_wrong_input_is_named(images: Tensor, options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=f"randaugment.{message}"):
        randaugment(images, 5.0, seeded(0), **options)


@pytest.mark.parametrize("magnitude", [-1.0, float("nan")])
def test_a_magnitude_below_zero_is_rejected(magnitude: float) -> None:
    with pytest.raises(ValueError, match=r"randaugment.magnitude must be >= 0"):
        randaugment(batch(2), magnitude, seeded(0))
