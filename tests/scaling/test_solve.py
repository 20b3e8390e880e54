"""Solving for phi: within 3 %, no stage changes against the goal, errors for the rest."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.compound import CompoundRates
from scaling.image_size import SizeLimits
from scaling.solve import Goal, solve
from scaling.source import scaling_source
from search_space.cost import count_macs, count_params
from search_space.published import published
from search_space.space import SearchSpace

S = scaling_source(published("efficientnetv2-s").architecture)


@pytest.mark.parametrize("params", [8e6, 15e6, 22e6, 30e6, 54e6, 120e6, 208e6])
def test_parameters_are_met_within_three_percent(params: float) -> None:
    scaled = solve(S, Goal(kind="params", value=params), CompoundRates(), SizeLimits())
    assert count_params(scaled.architecture) == pytest.approx(params, rel=0.03)


@pytest.mark.parametrize("macs", [1e9, 4e9, 10e9, 25e9, 60e9])
def test_multiply_adds_are_met_at_the_scaled_evaluation_size(macs: float) -> None:
    scaled = solve(S, Goal(kind="macs", value=macs), CompoundRates(), SizeLimits())
    assert count_macs(scaled.architecture, scaled.eval_size) == pytest.approx(macs, rel=0.03)
    assert scaled.eval_size <= 480


def test_the_sources_own_size_returns_the_source() -> None:
    goal = Goal(kind="params", value=21_458_488)
    assert solve(S, goal, CompoundRates(), SizeLimits()).architecture == S.architecture


@given(
    st.sampled_from(("tiny", "efficientnet-b4", "efficientnetv2-s")),
    st.integers(0, 10**6),
    st.floats(0.4, 5.0),
)
@settings(max_examples=12, deadline=None)
def test_any_found_network_is_met_or_the_neighbours_are_named(
    name: str, seed: int, factor: float
) -> None:
    space = SearchSpace.load(name)
    architecture = space.architecture(space.sample(random.Random(seed)))
    source = scaling_source(architecture, image_size=space.image_size)
    goal = Goal(kind="params", value=factor * count_params(architecture, 10), num_classes=10)
    try:
        scaled = solve(source, goal, CompoundRates(), SizeLimits())
    except ValueError as error:
        assert "the nearest networks have" in str(error)  # noqa: PT017
        return
    assert goal.cost(scaled) == pytest.approx(goal.value, rel=0.03)
    pairs = list(zip(architecture.stages, scaled.architecture.stages, strict=True))
    if factor > 1.03:
        assert all(a.depth <= b.depth and a.width <= b.width for a, b in pairs)
    if factor < 0.97:
        assert all(a.depth >= b.depth and a.width >= b.width for a, b in pairs)


def test_only_the_requested_dimension_grows() -> None:
    wide = solve(
        S, Goal(kind="params", value=60e6), CompoundRates(alpha=1.0, gamma=1.0), SizeLimits()
    )
    assert [stage.depth for stage in wide.architecture.stages] == [2, 4, 4, 6, 9, 15]
    assert (wide.train_size, wide.eval_size) == (300, 384)
    deep = solve(
        S, Goal(kind="params", value=60e6), CompoundRates(beta=1.0, gamma=1.0), SizeLimits()
    )
    assert [stage.width for stage in deep.architecture.stages] == [24, 48, 64, 128, 160, 256]


def test_an_unreachable_goal_names_the_reachable_range() -> None:
    images_only = CompoundRates(alpha=1.0, beta=1.0)
    with pytest.raises(ValueError, match="reach from 21,458,488 to 21,458,488"):
        solve(S, Goal(kind="params", value=54e6), images_only, SizeLimits())


def test_a_goal_between_two_coarse_steps_names_both() -> None:
    architecture = published("efficientnetv2-s").architecture
    one = scaling_source(
        type(architecture)(stem_width=8, stages=architecture.stages[:1], head_width=8)
    )
    rates = CompoundRates(alpha=1.0, gamma=1.0)
    goal = Goal(kind="params", value=1.2 * count_params(one.architecture))
    with pytest.raises(ValueError, match=r"within 3%: the nearest networks have [\d,]+ and"):
        solve(one, goal, rates, SizeLimits())
