"""What an architecture costs, counted without building it: parameters, multiply-adds, memory.

Multiply-adds are those of convolutions and linear layers; normalisation, activations and biases
are not counted, as everywhere in the EfficientNet family.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from search_space.architecture import Architecture, BlockType, Stage
from search_space.layer_cost import Tally, conv_cost, halved, squeeze_excite_cost

_IMAGE_CHANNELS = 3
_FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """Cost of one part of a network.

    Attributes:
        name: "stem", "stage1", "stage2" and so on, or "head".
        params: Learnable parameters.
        macs: Multiply-adds of one forward pass for one image.
        activation_elements: Numbers that one image leaves behind for the backward pass.
    """

    name: str
    params: int
    macs: int
    activation_elements: int


def count_params(architecture: Architecture, num_classes: int = 1000) -> int:
    """Learnable parameters; running statistics are no parameters."""
    # The count does not depend on the image, so the smallest will do.
    return sum(cost.params for cost in stage_costs(architecture, 1, num_classes))


def count_macs(architecture: Architecture, image_size: int, num_classes: int = 1000) -> int:
    """Multiply-adds of one forward pass for one square image of side `image_size`, pixels.

    This is what the papers call FLOPs.
    """
    return sum(cost.macs for cost in stage_costs(architecture, image_size, num_classes))


def stage_costs(
    architecture: Architecture, image_size: int, num_classes: int = 1000
) -> tuple[StageCost, ...]:
    """Cost of stem, stages and head, in the order of the data.

    `StageCost.activation_elements` counts each tensor that autograd keeps, once: the image, the
    input of every convolution, of every batch normalisation and of every SiLU, both factors of
    squeeze-excite's product, and the pooled vector. A kept tensor that is one layer's output
    and the next one's input counts where it is made. Per-channel statistics, the masks of
    stochastic depth and dropout, and the loss are left out: they are small.

    Args:
        architecture: The network.
        image_size: Side of the square image, pixels, >= 1.
        num_classes: Outputs of the classifier, >= 1.

    Raises:
        ValueError: If `image_size` or `num_classes` is below 1.
    """
    for name, value in (("image_size", image_size), ("num_classes", num_classes)):
        if value < 1:
            raise ValueError(f"stage_costs.{name} must be >= 1, got {value!r}")
    side = halved(image_size)
    stem = Tally(activations=_IMAGE_CHANNELS * image_size**2) + conv_cost(
        _IMAGE_CHANNELS, architecture.stem_width, 3, side=side, kept=3
    )
    costs = [_named("stem", stem)]
    width = architecture.stem_width
    for number, stage in enumerate(architecture.stages, start=1):
        total = sum(_blocks(stage, width, side), start=Tally())
        costs.append(_named(f"stage{number}", total))
        side = halved(side) if stage.stride == 2 else side
        width = stage.width
    costs.append(_named("head", _head(width, architecture.head_width, num_classes, side)))
    return tuple(costs)


def training_memory_bytes(
    architecture: Architecture,
    image_size: int,
    batch_size: int,
    *,
    bytes_per_element: int = 4,
    num_classes: int = 1000,
    optimizer_slots: int = 2,
) -> int:
    """Memory of one training step: weights, gradients, optimizer state and kept activations.

    A lower bound that leaves out the libraries' workspaces, so compare with a margin.

    Args:
        architecture: The network.
        image_size: Side of the square training image, pixels.
        batch_size: Images per step.
        bytes_per_element: Of an activation: 4, or 2 under bfloat16 autocast. Weights, gradients
            and optimizer state stay float32 in both cases.
        num_classes: Outputs of the classifier.
        optimizer_slots: Numbers the optimizer keeps per weight: 1 for SGD with momentum, 2 for
            RMSprop with momentum and for Adam.
    """
    costs = stage_costs(architecture, image_size, num_classes)
    params = sum(cost.params for cost in costs)
    activations = sum(cost.activation_elements for cost in costs)
    return (
        params * (2 + optimizer_slots) * _FLOAT32_BYTES
        + activations * batch_size * bytes_per_element
    )


def _blocks(stage: Stage, in_width: int, side: int) -> Iterator[Tally]:
    """Cost of each block; only the first changes width and image side."""
    for number in range(stage.depth):
        first = number == 0
        out_side = halved(side) if first and stage.stride == 2 else side
        count = _mbconv if stage.block is BlockType.MBCONV else _fused_mbconv
        yield count(stage, in_width if first else stage.width, side, out_side)
        side = out_side


def _mbconv(stage: Stage, in_width: int, side: int, out_side: int) -> Tally:
    """Expand 1x1, depthwise, squeeze-excite, project 1x1."""
    hidden = in_width * stage.expand_ratio
    total = Tally()
    if stage.expand_ratio != 1:
        total += conv_cost(in_width, hidden, 1, side=side, kept=3)
    total += conv_cost(hidden, hidden, stage.kernel_size, side=out_side, kept=3, groups=hidden)
    total += squeeze_excite_cost(stage.se_ratio, in_width, hidden, side=out_side)
    return total + conv_cost(hidden, stage.width, 1, side=out_side, kept=2)


def _fused_mbconv(stage: Stage, in_width: int, side: int, out_side: int) -> Tally:
    """Expand kxk, squeeze-excite, project 1x1; with expansion 1 a single kxk convolution."""
    hidden = in_width * stage.expand_ratio
    if stage.expand_ratio == 1:
        return squeeze_excite_cost(stage.se_ratio, in_width, hidden, side=side) + conv_cost(
            in_width, stage.width, stage.kernel_size, side=out_side, kept=3
        )
    return (
        conv_cost(in_width, hidden, stage.kernel_size, side=out_side, kept=3)
        + squeeze_excite_cost(stage.se_ratio, in_width, hidden, side=out_side)
        + conv_cost(hidden, stage.width, 1, side=out_side, kept=2)
    )


def _head(width: int, head_width: int, num_classes: int, side: int) -> Tally:
    """1x1 convolution, pooling and classifier; pooling needs no input kept, only its output."""
    classifier = Tally((head_width + 1) * num_classes, head_width * num_classes, head_width)
    return conv_cost(width, head_width, 1, side=side, kept=2) + classifier


def _named(name: str, tally: Tally) -> StageCost:
    return StageCost(
        name=name,
        params=tally.params,
        macs=tally.macs,
        activation_elements=tally.activations,
    )
