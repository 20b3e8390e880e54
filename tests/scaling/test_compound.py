"""Compound scaling: B0 is scaled to exactly B1 to B7, and phi = 0 changes nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.compound import CompoundRates, Growth, grow, multiply
from scaling.image_size import SizeLimits
from scaling.source import scaling_source
from search_space.architecture import Architecture
from search_space.cost import count_params
from search_space.published import published, round_depth
from tests.strategies import architectures

# width, depth, evaluation size: arXiv:1905.11946, efficientnet_builder.py; parameters: torchvision
FIRST_GENERATION = {
    "efficientnet-b1": (1.0, 1.1, 240, 7_794_184),
    "efficientnet-b2": (1.1, 1.2, 260, 9_109_994),
    "efficientnet-b3": (1.2, 1.4, 300, 12_233_232),
    "efficientnet-b4": (1.4, 1.8, 380, 19_341_616),
    "efficientnet-b5": (1.6, 2.2, 456, 30_389_784),
    "efficientnet-b6": (1.8, 2.6, 528, 43_040_704),
    "efficientnet-b7": (2.0, 3.1, 600, 66_347_960),
}


@pytest.mark.parametrize("name", FIRST_GENERATION)
def test_published_coefficients_scale_b0_to_b1_to_b7(name: str) -> None:
    width, depth, size, params = FIRST_GENERATION[name]
    source = scaling_source(published("efficientnet-b0").architecture)
    growth = Growth(depth=depth, width=width, image_size=size / 224)
    scaled = multiply(source, growth, SizeLimits(max_image_size=600))
    assert count_params(scaled.architecture) == params
    assert scaled.architecture == published(name).architecture
    assert scaled.eval_size == size
    assert scaled.train_size == published(name).train_size


def test_widths_of_the_second_generation_are_rounded_without_the_guard() -> None:
    base = published("efficientnetv2-b0").architecture
    scaled = multiply(scaling_source(base), Growth(width=1.2), SizeLimits())
    assert scaled.architecture.stages[0].width == 16  # 19.2: the guard would make it 24
    assert not scaled.constants["round_guard"]


@given(architectures())
def test_multipliers_of_one_change_nothing(architecture: Architecture) -> None:
    same = grow(architecture, depth=1.0, width=1.0, guard=True, stem_and_head=True)
    assert same == architecture


def test_phi_zero_multiplies_by_one_and_one_by_the_rates() -> None:
    assert CompoundRates().growth(0.0) == Growth()
    assert CompoundRates().growth(1.0) == Growth(depth=1.2, width=1.1, image_size=1.15)


@given(architectures(), st.floats(0.2, 4.0), st.floats(0.2, 4.0))
def test_stem_and_head_can_be_kept(architecture: Architecture, depth: float, width: float) -> None:
    scaled = grow(architecture, depth=depth, width=width, guard=False, stem_and_head=False)
    assert scaled.stem_width == architecture.stem_width
    assert scaled.head_width == architecture.head_width


def test_layers_are_rounded_up_as_decimals() -> None:
    assert round_depth(5, 1.1) == 6
    assert round_depth(10, 1.1) == 11  # in binary 10 * 1.1 is above 11


@pytest.mark.parametrize("multiplier", [1.0, 1.1, 1.2, 1.4, 1.8, 2.2, 2.6, 3.1])
def test_layers_of_published_bases_are_rounded_as_published(multiplier: float) -> None:
    for depth in (1, 2, 3, 4, 5, 6, 8):
        assert round_depth(depth, multiplier) == math.ceil(multiplier * depth)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), 1e9])
@pytest.mark.parametrize("field", ["depth", "width"])
def test_a_multiplier_out_of_range_is_rejected_by_name(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"Growth\.{field} must be"):
        Growth(**{field: value})


@pytest.mark.parametrize("value", [0.9, 5.0, float("nan")])
def test_a_rate_out_of_range_is_rejected(value: float) -> None:
    with pytest.raises(ValueError, match=r"CompoundRates\.beta must be"):
        CompoundRates(beta=value)
