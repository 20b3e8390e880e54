"""The layers that blocks are made of: convolutions, squeeze-excite, stochastic depth."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Padding = Literal["symmetric", "tf-same"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerOptions:
    """What every convolution and normalisation of a network shares.

    Attributes:
        padding: "symmetric" pads kernel // 2 on each side; "tf-same" pads as TensorFlow does.
        bn_eps: Added to the variance in batch normalisation.
        bn_momentum: Weight of the *new* batch in the running statistics (PyTorch's sense).
    """

    padding: Padding
    bn_eps: float
    bn_momentum: float


class SamePadConv2d(nn.Conv2d):
    """Convolution padded as TensorFlow's SAME: the odd pixel goes right and below.

    It differs from symmetric padding only with stride 2 on an even side, where it shifts the
    sampled grid by a pixel, so weights trained with one give other outputs with the other.

    Source: tensorflow.org, `tf.nn` "notes on padding".
    """

    def forward(self, input: Tensor) -> Tensor:
        """Pad by the input's own size, then convolve: (batch, channels, height, width)."""
        pads: list[int] = []
        for side, kernel, stride in zip(
            reversed(input.shape[-2:]),
            reversed(self.kernel_size),
            reversed(self.stride),
            strict=True,
        ):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(input, pads) if any(pads) else input)


class SqueezeExcite(nn.Module):
    """Scales each channel by a gate computed from all pooled channels.

    The two 1x1 convolutions of the papers act on a single pixel, so linear layers do the same
    work in a fraction of the time.

    Source: Hu et al. (arXiv:1709.01507); widths and SiLU as in EfficientNet.
    """

    def __init__(self, width: int, squeezed: int) -> None:
        super().__init__()
        self.reduce = nn.Linear(width, squeezed)
        self.expand = nn.Linear(squeezed, width)

    def forward(self, x: Tensor) -> Tensor:
        """Gate `x`, (batch, width, height, width)."""
        gate = torch.sigmoid(self.expand(F.silu(self.reduce(x.mean((2, 3))))))
        return x * gate[:, :, None, None]


class StochasticDepth(nn.Module):
    """Drops a block's branch for whole samples while training, and rescales the kept ones.

    The branch is always computed and then masked: skipping it would make a step's time and
    graph depend on luck. The probability is a tensor, so that it can be scheduled without a new
    graph; it is not saved with the weights. At exactly 1 the layer does nothing at all.

    Source: Huang et al. (arXiv:1603.09382); per-sample form of google/automl
        efficientnetv2/utils.py, `drop_connect`.
    """

    survival_prob: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("survival_prob", torch.ones(()), persistent=False)
        self.active = False

    def set(self, survival_prob: float) -> None:
        """Keep the branch of a sample with this probability from now on."""
        self.survival_prob.fill_(survival_prob)
        self.active = survival_prob < 1.0

    def forward(self, x: Tensor) -> Tensor:
        """Mask `x`, (batch, channels, height, width), by sample; the identity in eval mode."""
        if not (self.training and self.active):
            return x
        noise = torch.rand((x.shape[0], 1, 1, 1), device=x.device)
        kept = torch.floor(noise + self.survival_prob) / self.survival_prob
        return x * kept.to(x.dtype)


def conv_norm(
    in_width: int,
    out_width: int,
    kernel_size: int,
    *,
    options: LayerOptions,
    stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Convolution without bias and batch normalisation, named ``conv`` and ``norm``."""
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
    return nn.Sequential(OrderedDict(conv=conv, norm=norm))


def conv_norm_act(
    in_width: int,
    out_width: int,
    kernel_size: int,
    *,
    options: LayerOptions,
    stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """`conv_norm` and a SiLU named ``act``.

    The SiLU is not in place: its input is the one tensor that both backward passes need.
    """
    layers = conv_norm(
        in_width, out_width, kernel_size, options=options, stride=stride, groups=groups
    )
    layers.add_module("act", nn.SiLU())
    return layers
