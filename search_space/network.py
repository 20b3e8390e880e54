"""Building the PyTorch network of an architecture."""

import math
from collections.abc import Iterator, Sequence
from typing import get_args

import torch
from torch import Tensor, nn

from search_space.architecture import Architecture
from search_space.checks import require, require_int
from search_space.nn import (
    Block,
    LayerOptions,
    Padding,
    SqueezeExcite,
    build_block,
    conv_norm_act,
)

_IMAGE_CHANNELS = 3
BN_EPS = 1e-3  # of EfficientNet and EfficientNetV2 in TensorFlow


class Network(nn.Module):
    """Stem, stages, head, pooling, dropout and classifier of one architecture.

    Parameters are named ``stem.conv.weight``, ``stages.2.0.branch.expand.conv.weight``,
    ``head.norm.bias``, ``classifier.weight``; stages and blocks are counted from 0.

    Attributes:
        padding: Padding of the convolutions.
        bn_eps: Added to the variance in batch normalisation; see `set_bn_eps`.
        input_shift: Subtracted from the images, see `set_input_shift`; None for no shift.
    """

    input_shift: Tensor | None

    def __init__(
        self, architecture: Architecture, num_classes: int, options: LayerOptions
    ) -> None:
        super().__init__()
        self.padding, self.bn_eps = options.padding, options.bn_eps
        self.register_buffer("input_shift", None, persistent=False)
        width = architecture.stem_width
        self.stem = conv_norm_act(_IMAGE_CHANNELS, width, 3, options=options, stride=2)
        stages = []
        for stage in architecture.stages:
            blocks = []
            for number in range(stage.depth):
                stride = stage.stride if number == 0 else 1
                blocks.append(build_block(stage, width, stride, options))
                width = stage.width
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.Sequential(*stages)
        self.head = conv_norm_act(width, architecture.head_width, 1, options=options)
        self.dropout = nn.Dropout(0.0)
        self.classifier = nn.Linear(architecture.head_width, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (batch, num_classes) of images (batch, 3, height, width) in [-1, 1]."""
        shift = self.input_shift  # torch.jit.script needs a local variable
        if shift is not None:
            images = images - shift
        x = self.head(self.stages(self.stem(images)))
        logits: Tensor = self.classifier(self.dropout(x.mean((2, 3))))
        return logits

    def set_dropout(self, rate: float) -> None:
        """Set the dropout rate of the pooled features.

        Raises:
            ValueError: If `rate` is not in [0, 1).
        """
        require(0.0 <= rate < 1.0, "Network.dropout", "in [0, 1)", rate)
        self.dropout.p = rate

    def set_survival_prob(self, survival_prob: float) -> None:
        """Set the survival probabilities of stochastic depth.

        Block i of n, counted over all stages from 0, keeps its branch with probability
        ``1 - (1 - survival_prob) * i / n``: 1 for the first block, almost `survival_prob` for
        the last. Blocks without a residual count but are never dropped.

        A captured CUDA graph follows a new value, except from or to exactly 1, where the layers
        are disabled.

        Raises:
            ValueError: If `survival_prob` is not in (0, 1].

        Source: google/automl efficientnetv2/effnetv2_model.py, `call`.
        """
        require(0 < survival_prob <= 1, "Network.survival_prob", "in (0, 1]", survival_prob)
        blocks = list(self.blocks())
        for index, block in enumerate(blocks):
            if block.stochastic_depth is not None:
                block.stochastic_depth.set(1.0 - (1.0 - survival_prob) * index / len(blocks))

    def set_input_shift(self, shift: Sequence[float] | None) -> None:
        """Set what is subtracted from red, green and blue of images in [-1, 1].

        The stem's padding of zeros is then this colour, as in weights that were trained on images
        less a mean colour. The shift is not part of the weights.
        """
        weight = self.classifier.weight
        self.input_shift = (
            None
            if shift is None
            else torch.tensor(shift, dtype=weight.dtype, device=weight.device)[:, None, None]
        )

    def set_bn_eps(self, bn_eps: float) -> None:
        """Set what batch normalisation adds to the variance; it is not part of the weights.

        Raises:
            ValueError: If `bn_eps` is not above 0.
        """
        require(bn_eps > 0, "Network.bn_eps", "> 0", bn_eps)
        self.bn_eps = bn_eps
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = bn_eps

    def blocks(self) -> Iterator[Block]:
        """Return every block of every stage, first to last."""
        return (module for module in self.stages.modules() if isinstance(module, Block))


def build_network(
    architecture: Architecture,
    num_classes: int = 1000,
    *,
    dropout: float = 0.0,
    survival_prob: float = 1.0,
    padding: Padding = "symmetric",
    bn_eps: float = BN_EPS,
    bn_momentum: float = 0.1,
) -> Network:
    """Build the network of `architecture`, initialised from torch's default generator.

    Call `torch.manual_seed` first for reproducible weights. Weights have the memory format
    channels_last, which is faster on CPUs and GPUs; activations follow the weights, whatever
    the memory format of the images.

    Args:
        architecture: What to build.
        num_classes: Outputs of the classifier, >= 1.
        dropout: Dropout rate before the classifier, in [0, 1).
        survival_prob: Stochastic depth, in (0, 1]; see `Network.set_survival_prob`.
        padding: "symmetric", or "tf-same" for weights that come from TensorFlow (slower).
        bn_eps: Added to the variance in batch normalisation, > 0.
        bn_momentum: Weight of the new batch in the running statistics, in (0, 0.5], which is
            PyTorch's definition. EfficientNetV2's 0.9 is the weight of the old statistics
            (TensorFlow's definition): 0.1 here.

    Raises:
        ValueError: If an argument is out of its range.
    """
    require_int("Network.num_classes", num_classes, 1)
    paddings = get_args(Padding)
    require(padding in paddings, "Network.padding", " or ".join(paddings), padding)
    require(bn_eps > 0, "Network.bn_eps", "> 0", bn_eps)
    if not 0.0 < bn_momentum <= 0.5:
        raise ValueError(
            "Network.bn_momentum must be in (0, 0.5], the weight of the new batch as PyTorch "
            "counts it; TensorFlow counts the old one's, so its 0.9 is 0.1 here and its 0.99 is "
            f"0.01; got {bn_momentum!r}"
        )
    options = LayerOptions(padding=padding, bn_eps=bn_eps, bn_momentum=bn_momentum)
    network = Network(architecture, num_classes, options)
    network.set_dropout(dropout)
    network.set_survival_prob(survival_prob)
    _initialize(network)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _initialize(network: Network) -> None:
    """Draw all weights; biases are 0 and the scales of normalisations 1.

    Source: google/automl efficientnetv2/effnetv2_model.py, `conv_kernel_initializer` and
        `dense_kernel_initializer`. A depthwise kernel has one output per group, so its standard
        deviation is sqrt(2 / k^2), whatever the number of channels.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2.0 / fan_out))
        elif isinstance(module, SqueezeExcite):
            for linear in (module.reduce, module.expand):
                nn.init.normal_(linear.weight, std=math.sqrt(2.0 / linear.out_features))
                nn.init.zeros_(linear.bias)
    bound = 1.0 / math.sqrt(network.classifier.out_features)
    nn.init.uniform_(network.classifier.weight, -bound, bound)
    nn.init.zeros_(network.classifier.bias)
