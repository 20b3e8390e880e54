"""Analytic costs of an architecture: parameters, multiply-adds and memory.

Multiply-adds are those of convolutions and linear layers. Normalisation, activations and biases
are not counted, which is the convention of the EfficientNet papers.
"""

from collections.abc import Iterator

from search_space.architecture import Architecture, BlockType, Stage
from search_space.checks import require
from search_space.layer_cost import Cost, conv_cost, output_side, squeeze_excite_cost

_IMAGE_CHANNELS = 3
_FLOAT32_BYTES = 4


def count_params(architecture: Architecture, num_classes: int = 1000) -> int:
    """Return the number of learnable parameters, without running statistics."""
    # The count does not depend on the image, so the smallest size will do.
    return sum(cost.params for cost in stage_costs(architecture, 1, num_classes).values())


def count_macs(architecture: Architecture, image_size: int, num_classes: int = 1000) -> int:
    """Return the multiply-adds of one forward pass for one image; the papers say FLOPs.

    Args:
        architecture: The network.
        image_size: Side of the square image, pixels, >= 1.
        num_classes: Outputs of the classifier, >= 1.
    """
    return sum(cost.macs for cost in stage_costs(architecture, image_size, num_classes).values())


def stage_costs(
    architecture: Architecture, image_size: int, num_classes: int = 1000
) -> dict[str, Cost]:
    """Return the cost of "stem", "stage1", "stage2" and so on, and "head", in this order.

    `Cost.activation_elements` counts each tensor that autograd keeps, once: the image, the
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
    require(image_size >= 1, "stage_costs.image_size", ">= 1", image_size)
    require(num_classes >= 1, "stage_costs.num_classes", ">= 1", num_classes)
    side, width = output_side(image_size, 2), architecture.stem_width
    image = Cost(activation_elements=_IMAGE_CHANNELS * image_size**2)
    costs = {"stem": image + conv_cost(_IMAGE_CHANNELS, width, 3, side=side, kept=3)}
    for number, stage in enumerate(architecture.stages, start=1):
        costs[f"stage{number}"] = sum(_blocks(stage, width, side), start=Cost())
        side, width = output_side(side, stage.stride), stage.width
    costs["head"] = _head(width, architecture.head_width, num_classes, side)
    return costs


def training_memory_bytes(
    architecture: Architecture,
    image_size: int,
    batch_size: int,
    *,
    bytes_per_element: int = 4,
    num_classes: int = 1000,
    optimizer_slots: int = 2,
) -> int:
    """Return the bytes of one training step: weights, gradients, optimizer state, activations.

    This is a lower bound that leaves out the libraries' workspaces, so compare with a margin.

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
    cost = sum(stage_costs(architecture, image_size, num_classes).values(), start=Cost())
    weight_bytes = cost.params * (2 + optimizer_slots) * _FLOAT32_BYTES
    return weight_bytes + cost.activation_elements * batch_size * bytes_per_element


def _blocks(stage: Stage, in_width: int, side: int) -> Iterator[Cost]:
    """Yield the cost of each block; only the first changes width and image side."""
    block_cost = _mbconv if stage.block is BlockType.MBCONV else _fused_mbconv
    out_side = output_side(side, stage.stride)
    yield block_cost(stage, in_width, side, out_side)
    for _ in range(1, stage.depth):
        yield block_cost(stage, stage.width, out_side, out_side)


def _mbconv(stage: Stage, in_width: int, side: int, out_side: int) -> Cost:
    """Expand 1x1, depthwise, squeeze-excite, project 1x1."""
    hidden = in_width * stage.expand_ratio
    total = Cost()
    if stage.expand_ratio != 1:
        total += conv_cost(in_width, hidden, 1, side=side, kept=3)
    total += conv_cost(hidden, hidden, stage.kernel_size, side=out_side, kept=3, groups=hidden)
    total += squeeze_excite_cost(stage.se_ratio, in_width, hidden, side=out_side)
    return total + conv_cost(hidden, stage.width, 1, side=out_side, kept=2)


def _fused_mbconv(stage: Stage, in_width: int, side: int, out_side: int) -> Cost:
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


def _head(width: int, head_width: int, num_classes: int, side: int) -> Cost:
    """1x1 convolution, pooling and classifier; pooling keeps its output and not its input."""
    classifier = Cost((head_width + 1) * num_classes, head_width * num_classes, head_width)
    return conv_cost(width, head_width, 1, side=side, kept=2) + classifier
