import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trainer.augment.mixing import cutmix, mix, mixup

Mixing = Callable[[Tensor, Tensor, float, torch.Generator], tuple[Tensor, Tensor]]
every_mixing = pytest.mark.parametrize("mixing", [mixup, cutmix])


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat_images(count: int, height: int = 20, width: int = 30) -> Tensor:
    """Return float images, channels_last, filled with their number in the batch."""
    values = torch.arange(count, dtype=torch.float32)[:, None, None, None]
    return values.expand(-1, 3, height, width).contiguous(memory_format=torch.channels_last)


def one_hot(count: int) -> Tensor:
    return torch.eye(count)


def shares(mixing: Mixing, alpha: float, count: int = 20_000) -> Tensor:
    """Return the own share of each of `count` images, computed from its target."""
    targets = torch.zeros(count, 2)
    targets[: count // 2, 0] = 1
    targets[count // 2 :, 1] = 1  # the partner always has the other class
    _, mixed = mixing(flat_images(count, 1, 1), targets, alpha, seeded(0))
    return (mixed * targets).sum(1)


@every_mixing
@settings(deadline=None)
@given(count=st.integers(1, 9), alpha=st.floats(0.01, 5), seed=st.integers(0, 1000))
def test_targets_stay_probabilities(mixing: Mixing, count: int, alpha: float, seed: int) -> None:
    _, targets = mixing(flat_images(count), one_hot(count), alpha, seeded(seed))
    assert float(targets.min()) >= 0
    torch.testing.assert_close(targets.sum(1), torch.ones(count))


@every_mixing
@settings(deadline=None)
@given(count=st.integers(1, 9), seed=st.integers(0, 1000))
def test_each_image_holds_the_share_of_its_partner_that_its_target_says(
    mixing: Mixing, count: int, seed: int
) -> None:
    """With images of one value, the mean gives the share of the partner."""
    images, targets = mixing(flat_images(count), one_hot(count), 1.0, seeded(seed))
    expected = targets @ torch.arange(count, dtype=torch.float32)
    torch.testing.assert_close(images.mean((1, 2, 3)), expected, atol=1e-4, rtol=1e-4)


def test_cutmix_targets_equal_the_counted_pixels_exactly() -> None:
    count = 64
    images, targets = cutmix(flat_images(count), one_hot(count), 1.0, seeded(0))
    for place in range(count):
        partner = count - 1 - place
        pixels = images[place, 0]
        assert set(pixels.unique().tolist()) <= {float(place), float(partner)}
        pasted = torch.tensor(float((pixels == partner).sum())) / 600
        assert float(targets[place, partner]) == float(pasted)


def test_cutmix_pastes_one_box_with_the_pixels_of_the_same_place() -> None:
    generator = seeded(1)
    images = torch.rand((40, 3, 16, 24), generator=generator)
    mixed, _ = cutmix(images, one_hot(40), 1.0, seeded(0))
    for own, partner, result in zip(images, images.flip(0), mixed, strict=True):
        pasted = (result != own).any(dim=0)
        rows, columns = pasted.any(dim=1), pasted.any(dim=0)
        assert torch.equal(pasted, rows[:, None] & columns)
        for covered in (rows.nonzero(), columns.nonzero()):
            assert len(covered) == 0 or len(covered) == int(covered.max() - covered.min()) + 1
        assert torch.equal(torch.where(pasted, partner, own), result)


def test_mixup_keeps_at_least_half_of_the_own_image() -> None:
    assert float(shares(mixup, 0.5).min()) >= 0.5


@pytest.mark.parametrize(
    ("alpha", "distribution"),
    [  # closed forms of Beta(1, 1), Beta(1/2, 1/2) and Beta(2, 2)
        (1.0, lambda x: x),
        (0.5, lambda x: 2 / math.pi * math.asin(math.sqrt(x))),
        (2.0, lambda x: 3 * x**2 - 2 * x**3),
    ],
)
def test_mixup_shares_follow_the_folded_beta_distribution(
    alpha: float, distribution: Callable[[float], float]
) -> None:
    drawn = shares(mixup, alpha)
    assert len(drawn.unique()) > 10_000  # one for each image
    for x in (0.55, 0.7, 0.9, 0.99):
        expected = distribution(x) - distribution(1 - x)
        assert abs(float((drawn <= x).float().mean()) - expected) < 0.015


def test_small_alphas_give_numbers_near_one() -> None:
    drawn = shares(mixup, 0.01)
    assert bool(drawn.isfinite().all())
    assert float((drawn > 0.999).float().mean()) > 0.9


def test_cutmix_areas_follow_the_uniform_distribution_where_nothing_is_cut_off() -> None:
    """A box of part p has its whole area with probability about (1 - sqrt(p))**2."""
    count = 4000
    images = torch.zeros(count, 1, 100, 100)
    targets = torch.zeros(count, 2)
    targets[: count // 2, 0] = 1
    targets[count // 2 :, 1] = 1
    _, mixed = cutmix(images, targets, 1.0, seeded(0))
    pasted = 1 - (mixed * targets).sum(1)
    # E[area] = E over p uniform and a centre uniform of the clipped box: each side keeps
    # s - s**2 / 4 of itself on average, s = sqrt(p), so E = integral of (s - s**2 / 4)**2 dp.
    expected = 1 / 2 - 1 / 5 + 1 / 48
    assert abs(float(pasted.mean()) - expected) < 0.02


@every_mixing
def test_alpha_zero_changes_nothing(mixing: Mixing) -> None:
    images, targets = flat_images(5), one_hot(5)
    mixed = mixing(images, targets, 0.0, seeded(0))
    assert torch.equal(mixed[0], images)
    assert torch.equal(mixed[1], targets)


@every_mixing
def test_the_middle_of_an_odd_batch_stays_and_input_is_not_written_to(mixing: Mixing) -> None:
    images, targets = torch.rand((7, 3, 8, 8), generator=seeded(9)), one_hot(7)
    before = images.clone()
    mixed = mixing(images, targets, 1.0, seeded(0))
    torch.testing.assert_close(mixed[0][3], images[3])
    torch.testing.assert_close(mixed[1][3], targets[3])
    assert not torch.equal(mixed[0], images)
    assert torch.equal(images, before)


@every_mixing
def test_memory_format_and_type_are_kept(mixing: Mixing) -> None:
    for images in (flat_images(6), flat_images(6).to(torch.uint8), flat_images(6).bfloat16()):
        mixed, _ = mixing(images, one_hot(6), 1.0, seeded(0))
        assert mixed.dtype == images.dtype
        assert mixed.is_contiguous(memory_format=torch.channels_last)


@every_mixing
def test_the_same_generator_state_gives_the_same_batch(mixing: Mixing) -> None:
    first = mixing(flat_images(6), one_hot(6), 1.0, seeded(1))
    again = mixing(flat_images(6), one_hot(6), 1.0, seeded(1))
    other = mixing(flat_images(6), one_hot(6), 1.0, seeded(2))
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])


def test_mix_halves_the_batch_between_mixup_and_cutmix() -> None:
    images, targets = flat_images(8), one_hot(8)
    mixed, labels = mix(images, targets, seeded(0), mixup_alpha=1.0, cutmix_alpha=1.0)
    assert float(labels[:4, 4:].sum()) == 0  # partners are in the same half
    assert float(labels[4:, :4].sum()) == 0
    assert all(len(image.unique()) == 1 for image in mixed[:4])
    assert any(len(image.unique()) == 2 for image in mixed[4:])


@pytest.mark.parametrize(("mixup_alpha", "cutmix_alpha"), [(1.0, 0.0), (0.0, 1.0), (0.0, 0.0)])
def test_mix_with_one_alpha_gives_it_the_whole_batch(
    mixup_alpha: float, cutmix_alpha: float
) -> None:
    images, targets = flat_images(5), one_hot(5)
    mixed = mix(images, targets, seeded(0), mixup_alpha=mixup_alpha, cutmix_alpha=cutmix_alpha)
    alone = (mixup if mixup_alpha else cutmix)(images, targets, 1.0, seeded(0))
    expected = alone if mixup_alpha or cutmix_alpha else (images, targets)
    assert torch.equal(mixed[0], expected[0])
    assert torch.equal(mixed[1], expected[1])


def test_a_batch_of_one_can_be_mixed_with_nothing_but_itself() -> None:
    mixed, labels = mix(flat_images(1), one_hot(1), seeded(0), mixup_alpha=1.0, cutmix_alpha=1.0)
    assert torch.equal(mixed, flat_images(1))
    assert torch.equal(labels, one_hot(1))


@every_mixing
def test_wrong_input_is_named(mixing: Mixing) -> None:
    name = mixing.__name__
    with pytest.raises(ValueError, match=rf"{name}.alpha must be >= 0, got -0.1"):
        mixing(flat_images(4), one_hot(4), -0.1, seeded(0))
    with pytest.raises(ValueError, match=rf"{name}.targets must be float \(batch, classes\)"):
        mixing(flat_images(4), torch.arange(4), 1.0, seeded(0))
    with pytest.raises(ValueError, match=rf"{name}.targets must be float"):
        mixing(flat_images(4), one_hot(3), 1.0, seeded(0))
