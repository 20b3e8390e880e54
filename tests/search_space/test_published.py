"""The published networks compared with rows of the papers and the released code."""

import pytest

from search_space.architecture import BlockType
from search_space.published import published, published_names, round_depth, round_width

V1 = tuple(f"efficientnet-b{number}" for number in range(8))
V2 = tuple(f"efficientnetv2-{size}" for size in ("s", "m", "l", "xl", "b0", "b1", "b2", "b3"))

WIDTHS = {
    "efficientnet-b0": (32, (16, 24, 40, 80, 112, 192, 320), 1280),
    "efficientnet-b1": (32, (16, 24, 40, 80, 112, 192, 320), 1280),
    "efficientnet-b2": (32, (16, 24, 48, 88, 120, 208, 352), 1408),
    "efficientnet-b3": (40, (24, 32, 48, 96, 136, 232, 384), 1536),
    "efficientnet-b4": (48, (24, 32, 56, 112, 160, 272, 448), 1792),
    "efficientnet-b5": (48, (24, 40, 64, 128, 176, 304, 512), 2048),
    "efficientnet-b6": (56, (32, 40, 72, 144, 200, 344, 576), 2304),
    "efficientnet-b7": (64, (32, 48, 80, 160, 224, 384, 640), 2560),
    "efficientnetv2-s": (24, (24, 48, 64, 128, 160, 256), 1280),
    "efficientnetv2-m": (24, (24, 48, 80, 160, 176, 304, 512), 1280),
    "efficientnetv2-l": (32, (32, 64, 96, 192, 224, 384, 640), 1280),
    "efficientnetv2-xl": (32, (32, 64, 96, 192, 256, 512, 640), 1280),
    "efficientnetv2-b0": (32, (16, 32, 48, 96, 112, 192), 1280),
    "efficientnetv2-b1": (32, (16, 32, 48, 96, 112, 192), 1280),
    "efficientnetv2-b2": (32, (16, 32, 56, 104, 120, 208), 1408),
    "efficientnetv2-b3": (40, (16, 40, 56, 112, 136, 232), 1536),
}
DEPTHS = {
    "efficientnet-b0": (1, 2, 2, 3, 3, 4, 1),
    "efficientnet-b1": (2, 3, 3, 4, 4, 5, 2),
    "efficientnet-b2": (2, 3, 3, 4, 4, 5, 2),
    "efficientnet-b3": (2, 3, 3, 5, 5, 6, 2),
    "efficientnet-b4": (2, 4, 4, 6, 6, 8, 2),
    "efficientnet-b5": (3, 5, 5, 7, 7, 9, 3),
    "efficientnet-b6": (3, 6, 6, 8, 8, 11, 3),
    "efficientnet-b7": (4, 7, 7, 10, 10, 13, 4),
    "efficientnetv2-s": (2, 4, 4, 6, 9, 15),
    "efficientnetv2-m": (3, 5, 5, 7, 14, 18, 5),
    "efficientnetv2-l": (4, 7, 7, 10, 19, 25, 7),
    "efficientnetv2-xl": (4, 8, 8, 16, 24, 32, 8),
    "efficientnetv2-b0": (1, 2, 2, 3, 5, 8),
    "efficientnetv2-b1": (2, 3, 3, 4, 6, 9),
    "efficientnetv2-b2": (2, 3, 3, 4, 6, 10),
    "efficientnetv2-b3": (2, 3, 3, 5, 7, 12),
}


def test_every_network_is_known_by_name() -> None:
    assert set(published_names()) == {*V1, *V2}


@pytest.mark.parametrize("name", [*V1, *V2])
def test_widths_and_depths_are_the_published_ones(name: str) -> None:
    architecture = published(name).architecture
    stem, widths, head = WIDTHS[name]
    assert (architecture.stem_width, architecture.head_width) == (stem, head)
    assert tuple(stage.width for stage in architecture.stages) == widths
    assert tuple(stage.depth for stage in architecture.stages) == DEPTHS[name]


@pytest.mark.parametrize("name", V1)
def test_the_first_generation_is_mbconv_with_squeeze_excite(name: str) -> None:
    stages = published(name).architecture.stages
    assert {stage.block for stage in stages} == {BlockType.MBCONV}
    assert {stage.se_ratio for stage in stages} == {0.25}
    assert [stage.kernel_size for stage in stages] == [3, 3, 5, 3, 5, 5, 3]
    assert [stage.expand_ratio for stage in stages] == [1, 6, 6, 6, 6, 6, 6]
    assert [stage.stride for stage in stages] == [1, 2, 2, 2, 1, 2, 1]


@pytest.mark.parametrize("name", V2)
def test_the_second_generation_is_fused_early_and_mbconv_late(name: str) -> None:
    stages = published(name).architecture.stages
    late = len(stages) - 3
    fused, mbconv = BlockType.FUSED_MBCONV, BlockType.MBCONV
    assert [stage.block for stage in stages] == [fused] * 3 + [mbconv] * late
    assert [stage.se_ratio for stage in stages] == [0.0] * 3 + [0.25] * late
    assert [stage.expand_ratio for stage in stages] == [1, 4, 4, 4, 6, 6, 6][: len(stages)]
    assert [stage.stride for stage in stages] == [1, 2, 2, 2, 1, 2, 1][: len(stages)]
    assert {stage.kernel_size for stage in stages} == {3}


def test_every_network_names_its_source() -> None:
    assert "2104.00298" in published("efficientnetv2-s").source
    assert "1905.11946" in published("efficientnet-b4").source


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"efficientnet-b0, .*efficientnetv2-b3, got 'resnet50'"):
        published("resnet50")


@pytest.mark.parametrize(
    ("width", "multiplier", "with_guard", "without"),
    [
        (16, 1.2, 24, 16),  # 19.2: nearest is 16, but that loses more than a tenth
        (32, 1.4, 48, 48),  # 44.8
        (40, 1.2, 48, 48),  # 48 exactly
        (32, 1.1, 32, 32),  # 35.2: 32 loses less than a tenth
        (20, 1.0, 24, 24),  # half way rounds up
        (16, 0.1, 8, 8),  # never below 8
        (112, 2.0, 224, 224),
    ],
)
def test_widths_round_to_multiples_of_8(
    width: int, multiplier: float, with_guard: int, without: int
) -> None:
    assert round_width(width, multiplier, guard=True) == with_guard
    assert round_width(width, multiplier, guard=False) == without


@pytest.mark.parametrize(
    ("depth", "multiplier", "expected"), [(1, 1.0, 1), (1, 1.1, 2), (5, 1.2, 6), (4, 3.1, 13)]
)
def test_depths_round_up(depth: int, multiplier: float, expected: int) -> None:
    assert round_depth(depth, multiplier) == expected
