"""The layers and the residual of blocks."""

import pytest
import torch
from torch import Tensor, nn

from search_space.architecture import BlockType, Stage
from search_space.nn import Block, LayerOptions, SqueezeExcite, build_block

OPTIONS = LayerOptions(padding="symmetric", bn_eps=1e-3, bn_momentum=0.1)


def _block(
    block: BlockType, *, expand: int, se_ratio: float = 0.0, in_width: int = 16, stride: int = 1
) -> Block:
    stage = Stage(
        block=block, depth=1, width=16, kernel_size=5, expand_ratio=expand, se_ratio=se_ratio
    )
    return build_block(stage, in_width, stride, OPTIONS)


def _layers(block: Block) -> list[str]:
    return [name for name, _ in block.branch.named_children()]


def _convs(block: Block) -> list[tuple[int, int, int, int]]:
    """Return input channels, output channels, kernel and groups of each convolution."""
    return [
        (conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.groups)
        for conv in block.modules()
        if isinstance(conv, nn.Conv2d)
    ]


def test_mbconv_expands_filters_by_channel_and_projects() -> None:
    block = _block(BlockType.MBCONV, expand=4, se_ratio=0.25)
    assert _layers(block) == ["expand", "depthwise", "squeeze_excite", "project"]
    assert _convs(block) == [(16, 64, 1, 1), (64, 64, 5, 64), (64, 16, 1, 1)]


def test_mbconv_of_expansion_1_does_not_expand() -> None:
    block = _block(BlockType.MBCONV, expand=1)
    assert _layers(block) == ["depthwise", "project"]
    assert _convs(block) == [(16, 16, 5, 16), (16, 16, 1, 1)]


def test_fused_mbconv_expands_with_the_large_kernel() -> None:
    block = _block(BlockType.FUSED_MBCONV, expand=4, se_ratio=0.25)
    assert _layers(block) == ["expand", "squeeze_excite", "project"]
    assert _convs(block) == [(16, 64, 5, 1), (64, 16, 1, 1)]


def test_fused_mbconv_of_expansion_1_is_one_convolution_with_its_activation() -> None:
    block = _block(BlockType.FUSED_MBCONV, expand=1)
    assert _convs(block) == [(16, 16, 5, 1)]
    assert [name for name, _ in block.branch[0].named_children()] == ["conv", "norm", "act"]


def test_fused_mbconv_of_expansion_1_squeezes_its_input() -> None:
    block = _block(BlockType.FUSED_MBCONV, expand=1, se_ratio=0.25)
    assert _layers(block) == ["squeeze_excite", "project"]


@pytest.mark.parametrize("block", BlockType)
def test_a_projection_has_no_activation_where_something_expanded(block: BlockType) -> None:
    project = _block(block, expand=4).branch.get_submodule("project")
    assert [name for name, _ in project.named_children()] == ["conv", "norm"]


@pytest.mark.parametrize(
    ("in_width", "se_ratio", "squeezed"),
    [(16, 0.25, 4), (16, 0.01, 1), (24, 0.25, 6), (56, 0.1, 5)],
)
@pytest.mark.parametrize("block", BlockType)
def test_squeeze_excite_narrows_to_a_share_of_the_blocks_input(
    block: BlockType, in_width: int, se_ratio: float, squeezed: int
) -> None:
    built = _block(block, expand=4, se_ratio=se_ratio, in_width=in_width)
    layer = built.branch.get_submodule("squeeze_excite")
    assert isinstance(layer, SqueezeExcite)
    assert layer.reduce.weight.shape == (squeezed, 4 * in_width)


@pytest.mark.parametrize("block", BlockType)
@pytest.mark.parametrize(
    ("in_width", "stride", "residual"), [(16, 1, True), (16, 2, False), (8, 1, False)]
)
def test_the_input_is_added_only_where_shapes_agree(
    block: BlockType, in_width: int, stride: int, residual: bool
) -> None:
    torch.manual_seed(0)
    built = _block(block, expand=4, in_width=in_width, stride=stride).eval()
    x = torch.randn(2, in_width, 8, 8)
    alone: Tensor = built.branch(x)
    assert alone.shape == (2, 16, 8 // stride, 8 // stride)
    assert torch.equal(built(x), alone + x if residual else alone)


def test_the_activation_of_expansion_1_comes_before_the_sum() -> None:
    block = _block(BlockType.FUSED_MBCONV, expand=1).eval()
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.zero_()
    x = torch.full((1, 16, 4, 4), -3.0)
    assert torch.equal(block(x), x)  # silu(0) = 0; an activation after the sum would change x
