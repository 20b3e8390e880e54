"""Learning rates and phases compared with those of the released training code."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.schedule import (
    Phase,
    cosine,
    exponential,
    google_phases,
    progressive_phases,
    scaled_learning_rate,
)

# ImageNet recipe of EfficientNetV2: batch 4096, 1,256,144 images, warm-up of 1533 steps.
IMAGENET_STEPS_PER_EPOCH = 1256144 / 4096


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 0.0),
        (766, 0.127917),
        (1532, 0.255833),
        (1533, 0.240870),  # drops after the warm-up: the decay starts at step 0
        (10000, 0.172295),
        (50000, 0.0332618),
        (100000, 0.00419203),
        (107335, 0.00309130),
    ],
)
def test_exponential_gives_the_released_codes_rates(step: int, rate: float) -> None:
    computed = exponential(
        step, peak=0.256, steps_per_epoch=IMAGENET_STEPS_PER_EPOCH, warmup_steps=1533
    )
    assert computed == pytest.approx(rate, rel=5e-6)


def test_the_rate_scales_with_the_batch() -> None:
    assert scaled_learning_rate(0.016, 4096) == pytest.approx(0.256)


def test_cosine_goes_from_peak_over_half_to_zero() -> None:
    assert cosine(0, peak=2.0, total_steps=100) == 2.0
    assert cosine(50, peak=2.0, total_steps=100) == pytest.approx(1.0)
    assert cosine(100, peak=2.0, total_steps=100) == pytest.approx(0.0)
    assert cosine(250, peak=2.0, total_steps=100) == pytest.approx(0.0)


def test_warm_up_is_a_line_from_zero() -> None:
    rates = [cosine(step, peak=1.0, total_steps=100, warmup_steps=4) for step in range(4)]
    assert rates == [0.0, 0.25, 0.5, 0.75]


@given(st.integers(1, 500), st.integers(0, 499))
def test_cosine_never_rises_after_the_warm_up(total: int, step: int) -> None:
    now = cosine(step, peak=1.0, total_steps=total)
    later = cosine(step + 1, peak=1.0, total_steps=total)
    assert 0 <= later <= now <= 1


def test_a_schedule_without_steps_is_rejected() -> None:
    with pytest.raises(ValueError, match=r"cosine\.total_steps must be >= 1, got 0"):
        cosine(0, peak=1.0, total_steps=0)


def paper_phases(size: int, magnitude: float, alpha: float, dropout: float) -> tuple[Phase, ...]:
    """The paper's Table 6: the last of four phases; the first is the same for all networks."""
    first = Phase(image_size=128, dropout=0.1, randaug_magnitude=5, mixup_alpha=0)
    last = Phase(image_size=size, dropout=dropout, randaug_magnitude=magnitude, mixup_alpha=alpha)
    return progressive_phases(first, last, count=4)


def rows(phases: tuple[Phase, ...]) -> list[list[float]]:
    return [
        [phase.image_size for phase in phases],
        [phase.randaug_magnitude for phase in phases],
        [phase.mixup_alpha for phase in phases],
        [phase.dropout for phase in phases],
    ]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ((300, 15, 0, 0.3), [[128, 185, 242, 300], [5, 25 / 3, 35 / 3, 15], [0] * 4]),
        ((380, 20, 0.2, 0.4), [[128, 212, 296, 380], [5, 10, 15, 20], [0, 0.2 / 3, 0.4 / 3, 0.2]]),
        (
            (380, 25, 0.4, 0.5),
            [[128, 212, 296, 380], [5, 35 / 3, 55 / 3, 25], [0, 0.4 / 3, 0.8 / 3, 0.4]],
        ),
    ],
    ids=["S", "M", "L"],
)
def test_algorithm_1_gives_table_6(
    last: tuple[int, float, float, float], expected: list[list[float]]
) -> None:
    sizes, magnitudes, alphas, dropouts = rows(paper_phases(*last))
    assert sizes == expected[0]
    assert magnitudes == pytest.approx(expected[1])
    assert alphas == pytest.approx(expected[2])
    assert (dropouts[0], dropouts[-1]) == (0.1, last[3])
    assert dropouts[1] - dropouts[0] == pytest.approx(dropouts[3] - dropouts[2])


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        (300, [171, 214, 257, 300]),
        (384, [192, 256, 320, 384]),
        (192, [144, 160, 176, 192]),
        (208, [148, 168, 188, 208]),
        (240, [156, 184, 212, 240]),
    ],
)
def test_the_released_codes_sizes_start_a_quarter_up(size: int, sizes: list[int]) -> None:
    first = Phase(image_size=128, dropout=0.1, randaug_magnitude=5, mixup_alpha=0)
    last = Phase(
        image_size=size, dropout=0.3, randaug_magnitude=15, mixup_alpha=0.2, cutmix_alpha=0.2
    )
    phases = google_phases(first, last, count=4)
    assert [phase.image_size for phase in phases] == sizes
    assert [phase.dropout for phase in phases] == [0.3] * 4
    assert [phase.randaug_magnitude for phase in phases] == pytest.approx([5, 25 / 3, 35 / 3, 15])
    assert [phase.cutmix_alpha for phase in phases] == [phase.mixup_alpha for phase in phases]


@given(
    st.integers(8, 400), st.integers(0, 400), st.integers(2, 9), st.sampled_from((1, 4, 16, 32))
)
def test_phases_keep_both_ends_and_never_shrink(
    smallest: int, growth: int, count: int, multiple: int
) -> None:
    first = Phase(image_size=smallest, dropout=0.1, randaug_magnitude=5, mixup_alpha=0)
    last = Phase(image_size=smallest + growth, dropout=0.5, randaug_magnitude=25, mixup_alpha=0.4)
    phases = progressive_phases(first, last, count=count, size_multiple=multiple)
    sizes = [phase.image_size for phase in phases]
    assert len(phases) == count
    assert (phases[0], phases[-1]) == (first, last)
    assert sizes == sorted(sizes)
    assert all(size % multiple == 0 or size == smallest for size in sizes[1:-1])


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"image_size": 0}, "image_size must be >= 1"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
        ({"randaug_magnitude": float("nan")}, "randaug_magnitude must be >= 0"),
        ({"mixup_alpha": -0.1}, "mixup_alpha must be >= 0"),
        ({"cutmix_alpha": -0.1}, "cutmix_alpha must be >= 0"),
    ],
)
def test_a_phase_rejects_values_out_of_range(change: dict[str, float], rule: str) -> None:
    settings = {"image_size": 32, "dropout": 0.1, "randaug_magnitude": 5, "mixup_alpha": 0}
    with pytest.raises(ValueError, match=rule):
        Phase(**(settings | change))  # type: ignore[arg-type]


def test_phases_that_cannot_progress_are_rejected() -> None:
    phase = Phase(image_size=32, dropout=0, randaug_magnitude=0, mixup_alpha=0)
    with pytest.raises(ValueError, match="count must be >= 2"):
        progressive_phases(phase, phase, count=1)
    with pytest.raises(ValueError, match="smaller images"):
        progressive_phases(phase, replace(phase, image_size=16), count=2)
    with pytest.raises(ValueError, match="size_multiple must be >= 1"):
        progressive_phases(phase, phase, count=2, size_multiple=0)
