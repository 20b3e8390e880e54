"""MBConv and Fused-MBConv, and their layers: convolutions, squeeze-excite, stochastic depth."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from search_space.architecture import BlockType, Stage

Padding = Literal["symmetric", "tf-same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOptions:
    """Options of all convolutions and normalisations of a network.

    Attributes:
        padding: "symmetric" pads kernel // 2 on each side; "tf-same" pads as TensorFlow does.
        bn_eps: Added to the variance in batch normalisation.
        bn_momentum: Weight of the *new* batch in the running statistics (PyTorch's sense).
    """

    padding: Padding
    bn_eps: float
    bn_momentum: float


def same_padding(side: int, kernel: int, stride: int) -> int:
    """Return the pixels that TensorFlow adds to a side, both ends together."""
    return max((-(-side // stride) - 1) * stride + kernel - side, 0)


class SamePadConv2d(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding: an odd pixel is added right and below.

    It differs from symmetric padding only with stride 2 on an even side, where it shifts the
    sampled grid by a pixel. Weights trained with one padding give other outputs with the other.

    Source: tensorflow.org, `tf.nn` "notes on padding".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Map (batch, in_channels, height, width) to (batch, out_channels, height', width').

        height' is ceil(height / stride), width' likewise.
        """
        rows = same_padding(input.shape[-2], self.kernel_size[0], self.stride[0])
        columns = same_padding(input.shape[-1], self.kernel_size[1], self.stride[1])
        if rows > 0 or columns > 0:
            sides = [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2]
            input = F.pad(input, sides)
        # Not super().forward: torch.jit.script does not compile a call of the base class.
        output: Tensor = self._conv_forward(input, self.weight, self.bias)
        return output


class SqueezeExcite(nn.Module):
    """Scales each channel by a gate computed from all pooled channels.

    The two 1x1 convolutions of the papers act on a single pixel; linear layers compute the same
    faster.

    Source: Hu et al. (arXiv:1709.01507); widths and SiLU as in EfficientNet.
    """

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(width, squeezed)
        self.expand = nn.Linear(squeezed, width)

    def forward(self, x: Tensor) -> Tensor:
        """Scale `x`, (batch, channels, height, width), by gates in (0, 1); same shape."""
        gate = torch.sigmoid(self.expand(F.silu(self.reduce(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class StochasticDepth(nn.Module):
    """Drops a block's branch for random samples during training, and rescales the kept ones.

    The branch is always computed and then masked: skipping it would make the time and the graph
    of a step random. The probability is a tensor, so that it can be scheduled without a new
    CUDA graph; it is not saved with the weights. At exactly 1 the layer is the identity.

    Source: Huang et al. (arXiv:1603.09382); per-sample form of google/automl
        efficientnetv2/utils.py, `drop_connect`.
    """

    survival_prob: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("survival_prob", torch.ones(()), persistent=False)
        self.active = False

    def set(self, survival_prob: float) -> None:
        """Set the probability, in (0, 1], of keeping the branch of a sample."""
        self.survival_prob.fill_(survival_prob)
        self.active = survival_prob < 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Mask `x`, (batch, channels, height, width), by sample; identity in eval mode."""
        if not (self.training and self.active):
            return x
        noise = torch.rand((x.shape[0], 1, 1, 1), device=x.device)
        kept = torch.floor(noise + self.survival_prob) / self.survival_prob
        return x * kept.to(x.dtype)


def conv_norm_act(
    in_width: int,
    out_width: int,
    kernel_size: int,
    *,
    options: LayerOptions,
    stride: int = 1,
    groups: int = 1,
    apply_act: bool = True,
) -> nn.Sequential:
    """Build a convolution without bias, batch normalisation and, with `apply_act`, a SiLU.

    They are named ``conv``, ``norm`` and ``act``. The SiLU is not in place: its input is the one
    tensor that both backward passes need.
    """
    same = options.padding == "tf-same"
    conv = (SamePadConv2d if same else nn.Conv2d)(
        in_width,
        out_width,
        kernel_size,
        stride,
        padding=0 if same else kernel_size // 2,
        groups=groups,
        bias=False,
    )
    norm = nn.BatchNorm2d(out_width, eps=options.bn_eps, momentum=options.bn_momentum)
    layers = nn.Sequential(OrderedDict(conv=conv, norm=norm))
    if apply_act:
        layers.add_module("act", nn.SiLU())
    return layers


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
    """Build one block; only the first of a stage has the stage's stride and another `in_width`.

    MBConv: expand 1x1, depthwise kxk, squeeze-excite, project 1x1 without activation.
    Fused-MBConv: expand kxk, squeeze-excite, project 1x1 without activation. With expansion 1
    neither has an expanding layer: squeeze-excite of Fused-MBConv works on the input, and a
    single kxk convolution with activation projects.

    Source: google/automl efficientnetv2/effnetv2_model.py, `MBConvBlock`, `FusedMBConvBlock`.
    """
    hidden, width, kernel = in_width * stage.expand_ratio, stage.width, stage.kernel_size
    fused, expands = stage.block is BlockType.FUSED_MBCONV, stage.expand_ratio != 1
    layers: dict[str, nn.Module] = {}
    if expands and fused:
        layers["expand"] = conv_norm_act(in_width, hidden, kernel, options=options, stride=stride)
    elif expands:
        layers["expand"] = conv_norm_act(in_width, hidden, 1, options=options)
    if not fused:
        layers["depthwise"] = conv_norm_act(
            hidden, hidden, kernel, options=options, stride=stride, groups=hidden
        )
    if stage.se_ratio:
        layers["squeeze_excite"] = SqueezeExcite(hidden, stage.squeeze_width(in_width))
    if expands or not fused:
        layers["project"] = conv_norm_act(hidden, width, 1, options=options, apply_act=False)
    else:
        layers["project"] = conv_norm_act(in_width, width, kernel, options=options, stride=stride)
    return Block(layers, residual=stride == 1 and in_width == width)
