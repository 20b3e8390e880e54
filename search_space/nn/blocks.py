"""The two blocks of EfficientNetV2: MBConv and Fused-MBConv."""

from collections import OrderedDict

from torch import Tensor, nn

from search_space.architecture import BlockType, Stage
from search_space.nn.layers import LayerOptions, SqueezeExcite, StochasticDepth, conv_norm_act


class Block(nn.Module):
    """A branch of layers, added to the input if the block is residual."""

    def __init__(self, layers: dict[str, nn.Module], *, residual: bool) -> None:
        super().__init__()
        self.branch = nn.Sequential(OrderedDict(layers))
        self.stochastic_depth = StochasticDepth() if residual else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in_channels, height, width) to (batch, channels, height', width'), floats.

        height' is ceil(height / stride), width' likewise.
        """
        out: Tensor = self.branch(x)
        return out if self.stochastic_depth is None else x + self.stochastic_depth(out)


def build_block(stage: Stage, in_width: int, stride: int, options: LayerOptions) -> Block:
    """Build one block; only the first of a stage has the stage's stride and another `in_width`."""
    layers = _mbconv if stage.block is BlockType.MBCONV else _fused_mbconv
    return Block(
        layers(stage, in_width, stride, options),
        residual=stride == 1 and in_width == stage.width,
    )


def _mbconv(
    stage: Stage, in_width: int, stride: int, options: LayerOptions
) -> dict[str, nn.Module]:
    """Expand 1x1, depthwise kxk, squeeze-excite, project 1x1 without activation.

    Source: google/automl efficientnetv2/effnetv2_model.py, `MBConvBlock`.
    """
    hidden = in_width * stage.expand_ratio
    layers: dict[str, nn.Module] = {}
    if stage.expand_ratio != 1:
        layers["expand"] = conv_norm_act(in_width, hidden, 1, options=options)
    layers["depthwise"] = conv_norm_act(
        hidden, hidden, stage.kernel_size, options=options, stride=stride, groups=hidden
    )
    if stage.se_ratio:
        layers["squeeze_excite"] = SqueezeExcite(hidden, stage.squeeze_width(in_width))
    layers["project"] = conv_norm_act(hidden, stage.width, 1, options=options, apply_act=False)
    return layers


def _fused_mbconv(
    stage: Stage, in_width: int, stride: int, options: LayerOptions
) -> dict[str, nn.Module]:
    """Expand kxk, squeeze-excite, project 1x1 without activation.

    With expansion 1 there is no expanding layer: squeeze-excite works on the input, and a single
    kxk convolution with activation projects.

    Source: google/automl efficientnetv2/effnetv2_model.py, `FusedMBConvBlock`.
    """
    hidden = in_width * stage.expand_ratio
    layers: dict[str, nn.Module] = {}
    if stage.expand_ratio != 1:
        layers["expand"] = conv_norm_act(
            in_width, hidden, stage.kernel_size, options=options, stride=stride
        )
    if stage.se_ratio:
        layers["squeeze_excite"] = SqueezeExcite(hidden, stage.squeeze_width(in_width))
    if stage.expand_ratio != 1:
        layers["project"] = conv_norm_act(hidden, stage.width, 1, options=options, apply_act=False)
    else:
        layers["project"] = conv_norm_act(
            in_width, stage.width, stage.kernel_size, options=options, stride=stride
        )
    return layers
