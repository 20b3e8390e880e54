"""The family rule: published networks, and properties of all networks."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.family import base_depth, base_width, scale
from scaling.image_size import SizeLimits
from scaling.named_sizes import NAMES
from scaling.source import ScaledNetwork
from search_space.architecture import Architecture
from search_space.cost import count_macs, count_params
from search_space.network import build_network
from search_space.published import published
from search_space.space import SearchSpace
from tests.strategies import architectures

S = published("efficientnetv2-s").architecture
SPACES = ("tiny", "efficientnet-b4", "efficientnetv2-s")


def depths(network: ScaledNetwork) -> list[int]:
    return [stage.depth for stage in network.architecture.stages]


def widths(network: ScaledNetwork) -> list[int]:
    return [stage.width for stage in network.architecture.stages]


def sampled(name: str, seed: int) -> tuple[Architecture, SearchSpace]:
    space = SearchSpace.load(name)
    return space.architecture(space.sample(random.Random(seed))), space


@pytest.mark.parametrize(
    ("target", "layers", "params", "macs"),
    [
        ("M", [3, 5, 5, 7, 14, 18, 5], 54_139_356, 24_582_460_384),
        ("L", [4, 7, 7, 10, 19, 25, 7], 118_515_272, 56_079_699_008),
    ],
)
def test_m_and_l_come_from_the_published_s(
    target: str, layers: list[int], params: int, macs: int
) -> None:
    scaled = scale(S, target)
    assert depths(scaled) == layers
    theirs = published(f"efficientnetv2-{target.lower()}").architecture.stages
    for width, stage in zip(widths(scaled), theirs, strict=True):
        assert width == pytest.approx(stage.width, rel=0.06)
    assert [stage.block for stage in scaled.architecture.stages] == [s.block for s in theirs]
    assert [stage.stride for stage in scaled.architecture.stages] == [s.stride for s in theirs]
    assert count_params(scaled.architecture) == pytest.approx(params, rel=0.01)
    assert count_macs(scaled.architecture, 480) == pytest.approx(macs, rel=0.01)
    assert (scaled.train_size, scaled.eval_size) == (384, 480)
    assert (scaled.architecture.stem_width, scaled.architecture.head_width) == (24, 1280)
    added = sum(layers) - 40
    assert sum(layers[4:]) - (9 + 15) >= 2 / 3 * added


def test_widths_of_l_are_the_published_ones_and_of_m_but_for_one() -> None:
    assert widths(scale(S, "L")) == [32, 64, 96, 192, 224, 384, 640]
    assert widths(scale(S)) == [24, 48, 80, 152, 176, 304, 512]  # published: 160 for 152


def test_xl_follows_v1s_b8() -> None:
    # ceil(3.6 * (1 2 2 3 6 8 2)), and 2.2 * (16 32 48 96 112 192 320) to the nearest 8
    assert depths(scale(S, "XL")) == [4, 8, 8, 11, 22, 29, 8]
    assert widths(scale(S, "XL")) == [32, 72, 104, 208, 248, 424, 704]


@pytest.mark.parametrize("target", ["B0", "B1", "B2", "B3"])
@pytest.mark.parametrize("family", ["efficientnetv2", "efficientnet"])
def test_the_base_row_makes_b0_to_b3_exactly(family: str, target: str) -> None:
    theirs = published(f"{family}-{target.lower()}")
    scaled = scale(published(f"{family}-b0").architecture, target)
    assert scaled.architecture == theirs.architecture
    assert (scaled.train_size, scaled.eval_size) == (theirs.train_size, theirs.eval_size)


def test_the_published_m_counts_as_m_and_makes_the_published_l() -> None:
    scaled = scale(published("efficientnetv2-m").architecture, "L")
    theirs = published("efficientnetv2-l").architecture
    assert scaled.architecture == replace(theirs, stem_width=24)  # the stem is kept


def test_s_and_its_stages_return_from_l() -> None:
    large = scale(S, "L")
    back = scale(large.architecture, "S", base_size="L")
    assert depths(back) == [2, 4, 4, 6, 9, 15]
    assert [stage.stride for stage in back.architecture.stages] == [1, 2, 2, 2, 1, 2]


def test_a_last_stage_that_the_search_kept_is_not_doubled() -> None:
    b4 = published("efficientnet-b4").architecture
    scaled = scale(b4, "M")
    # base 1 2 2 3 3 4 1, one more in the fifth, times 2.2
    assert depths(scaled) == [3, 5, 5, 7, 9, 9, 3]
    assert widths(scaled) == [24, 40, 64, 128, 176, 304, 512]  # those of B5


def test_a_dropped_last_stage_can_be_given_explicitly() -> None:
    architecture, _ = sampled("tiny", 3)
    four = replace(architecture, stages=architecture.stages[:4])
    assert len(scale(four, "M").architecture.stages) == 4
    scaled = scale(four, "M", dropped_last_stage=True)
    assert len(scaled.architecture.stages) == 5
    assert scaled.architecture.stages[-1].stride == 1


def test_an_added_last_stage_has_a_quarter_of_the_base_layers_before_it() -> None:
    shallow = replace(S, stages=(*S.stages[:5], replace(S.stages[5], depth=8)))
    # 8 = ceil(1.8 * 4), so base layers 4 and 1: ceil(2.2 * 4) and ceil(2.2 * 1)
    assert depths(scale(shallow, "M"))[5:] == [9, 3]


@pytest.mark.parametrize(("depth", "base"), [(2, 1), (4, 2), (6, 3), (9, 5), (15, 8), (18, 10)])
def test_base_layers_are_whole_where_they_can_be(depth: int, base: int) -> None:
    assert base_depth(depth, 1.8) == base


def test_base_layers_stay_in_order_where_they_cannot() -> None:
    bases = [base_depth(depth, 1.8) for depth in range(1, 30)]
    assert bases == sorted(set(bases))


@pytest.mark.parametrize("multiplier", [1.4, 1.6, 2.0])
def test_base_channels_return_from_every_published_row(multiplier: float) -> None:
    name = {1.4: "efficientnetv2-s", 1.6: "efficientnetv2-m", 2.0: "efficientnetv2-l"}[multiplier]
    stages = published(name).architecture.stages
    found = [base_width(stage.width, multiplier) for stage in stages]
    assert found == [16, 32, 48, 96, 112, 192, 320][: len(stages)]


def test_base_channels_return_from_b4() -> None:
    stages = published("efficientnet-b4").architecture.stages
    assert [base_width(stage.width, 1.4) for stage in stages] == [16, 24, 40, 80, 112, 192, 320]


@given(st.sampled_from(SPACES), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_any_found_network_grows_step_by_step(name: str, seed: int) -> None:
    architecture, space = sampled(name, seed)
    assert_climbs(
        architecture, [scale(architecture, t, image_size=space.image_size) for t in NAMES]
    )


@given(architectures(max_stages=7, max_depth=8), st.sampled_from(NAMES), st.booleans())
@settings(max_examples=30, deadline=None)
def test_any_network_of_any_base_size_grows_step_by_step(
    architecture: Architecture, base_size: str, dropped: bool
) -> None:
    limits = SizeLimits(max_image_size=512, size_multiple=32)
    networks = [
        scale(architecture, t, base_size=base_size, limits=limits, dropped_last_stage=dropped)
        for t in NAMES
    ]
    assert all(each.train_size % 32 == each.eval_size % 32 == 0 for each in networks)
    assert networks[NAMES.index(base_size)].architecture == architecture
    assert networks == [
        scale(architecture, t, base_size=base_size, limits=limits, dropped_last_stage=dropped)
        for t in NAMES
    ]
    assert_climbs(architecture, networks)


def assert_climbs(source: Architecture, networks: list[ScaledNetwork]) -> None:
    for small, large in pairwise(networks):
        stages = large.architecture.stages
        assert len(stages) >= len(small.architecture.stages)
        for before, after in zip(small.architecture.stages, stages, strict=False):
            assert after.depth >= before.depth
            assert after.width >= before.width
            assert after.width % 8 == 0
        assert large.eval_size >= small.eval_size
        assert large.train_size >= small.train_size
        ends = [(n.architecture.stem_width, n.architecture.head_width) for n in (small, large)]
        if any(after < before for before, after in zip(*ends, strict=True)):
            continue  # as published: B3 scales stem and head, S keeps them
        assert count_params(large.architecture) >= count_params(small.architecture)
        macs = [count_macs(each.architecture, each.eval_size) for each in (small, large)]
        assert macs[0] <= macs[1]
    kept = [stage.block for stage in source.stages]
    for each in networks:
        stages = each.architecture.stages
        assert all(s.block == b for s, b in zip(stages, kept, strict=False))


@pytest.mark.parametrize("name", SPACES)
def test_found_networks_are_strictly_below_their_m_and_their_l(name: str) -> None:
    for seed in range(5):
        architecture, space = sampled(name, seed)
        sizes = [
            count_params(scale(architecture, t, image_size=space.image_size).architecture)
            for t in ("S", "M", "L", "XL")
        ]
        assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("name", SPACES)
def test_a_found_network_goes_to_l_and_builds(name: str) -> None:
    for seed in range(3):
        architecture, space = sampled(name, seed)
        scaled = scale(architecture, "L", image_size=space.image_size)
        with torch.device("meta"):
            network = build_network(scaled.architecture)
        built = sum(parameter.numel() for parameter in network.parameters())
        assert built == count_params(scaled.architecture)


def test_a_scaled_tiny_network_takes_a_training_step() -> None:
    architecture, space = sampled("tiny", 1)
    scaled = scale(architecture, "L", image_size=space.image_size)
    torch.manual_seed(0)
    network = build_network(scaled.architecture, 10)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    before = network.classifier.weight.detach().clone()
    images = torch.randn(4, 3, scaled.train_size, scaled.train_size)
    loss = torch.nn.functional.cross_entropy(network(images), torch.arange(4))
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    assert not torch.equal(before, network.classifier.weight)


def test_a_bare_architecture_has_the_sizes_of_s() -> None:
    architecture, _ = sampled("efficientnet-b4", 0)
    scaled = scale(architecture)
    assert (scaled.train_size, scaled.eval_size) == (384, 480)
    assert scaled.constants["counts_as"] == "S"


@pytest.mark.parametrize(("target", "base_size"), [("Q", None), ("L", "B9"), ("l", None)])
def test_unknown_names_are_rejected_with_the_known_ones(
    target: str, base_size: str | None
) -> None:
    with pytest.raises(ValueError, match="must be one of B0, B1, B2, B3, S, M, L, XL"):
        scale(S, target, base_size=base_size)
