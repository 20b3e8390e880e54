"""Learning rates against the values that the released training code gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.schedule import cosine, exponential, scaled_learning_rate

# ImageNet recipe of EfficientNetV2: batch 4096, 1,256,144 images, warm-up of 1533 steps.
IMAGENET_STEPS_PER_EPOCH = 1256144 / 4096


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 0.0),
        (766, 0.127917),
        (1532, 0.255833),
        (1533, 0.240870),  # drops at the hand-over: the decay counts from step 0
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


def test_a_schedule_without_steps_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cosine\.total_steps must be >= 1, got 0"):
        cosine(0, peak=1.0, total_steps=0)
