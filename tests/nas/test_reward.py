"""The reward: the paper's exponents, worked out by hand, and what must hold for any of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.reward import weighted_product

ratios = st.floats(0.01, 100)
accuracies = st.floats(0.01, 1)
exponents = st.floats(-1, 0)


def test_the_references_reward_is_its_accuracy() -> None:
    assert weighted_product(0.83, 1.0, 1.0) == pytest.approx(0.83)


def test_twice_the_step_time_costs_what_the_paper_says() -> None:
    # 2 ** -0.07 = exp(-0.07 * 0.693147) = exp(-0.0485203) = 0.952638
    assert weighted_product(1.0, 2.0, 1.0) == pytest.approx(0.952638, abs=1e-6)


def test_twice_the_parameters_cost_what_the_paper_says() -> None:
    # 2 ** -0.05 = exp(-0.05 * 0.693147) = exp(-0.0346574) = 0.965936
    assert weighted_product(1.0, 1.0, 2.0) == pytest.approx(0.965936, abs=1e-6)


def test_exponents_can_be_changed() -> None:
    assert weighted_product(0.5, 4.0, 9.0, w=-0.5, v=0.0) == pytest.approx(0.25)
    assert weighted_product(0.5, 4.0, 9.0, w=0.0, v=-0.5) == pytest.approx(0.5 / 3)


@given(accuracies, ratios, ratios, exponents, exponents)
def test_slower_or_larger_never_gains(
    accuracy: float, step_time: float, params: float, w: float, v: float
) -> None:
    reward = weighted_product(accuracy, step_time, params, w=w, v=v)
    assert weighted_product(accuracy, 2 * step_time, params, w=w, v=v) <= reward
    assert weighted_product(accuracy, step_time, 2 * params, w=w, v=v) <= reward


@given(accuracies, accuracies, ratios, ratios, ratios)
def test_another_reference_never_reorders(
    first: float, second: float, step_time: float, other_time: float, reference: float
) -> None:
    def better(scale: float) -> float:
        one = weighted_product(first, step_time / scale, 1.0)
        return one / weighted_product(second, other_time / scale, 1.0)

    assert better(1.0) == pytest.approx(better(reference))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((1.5, 1.0, 1.0), "accuracy"),
        ((float("nan"), 1.0, 1.0), "accuracy"),
        ((0.5, 0.0, 1.0), "relative_step_time"),
        ((0.5, float("nan"), 1.0), "relative_step_time"),
        ((0.5, 1.0, -1.0), "relative_params"),
        ((0.5, 1.0, float("inf")), "relative_params"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    arguments: tuple[float, float, float], name: str
) -> None:
    with pytest.raises(ValueError, match=rf"weighted_product\.{name} must be"):
        weighted_product(*arguments)


def test_a_positive_exponent_is_refused() -> None:
    with pytest.raises(ValueError, match=r"weighted_product\.w must be <= 0, got 0\.07"):
        weighted_product(0.5, 1.0, 1.0, w=0.07)
