"""Analytic costs of an architecture: parameters, multiply-adds and memory.

Multiply-adds are those of convolutions and linear layers. Normalisation, activations and biases
are not counted, which is the convention of the EfficientNet papers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from search_space.architecture import Architecture, BlockType, Stage
from search_space.checks import require

_IMAGE_CHANNELS = 3
_FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of a layer or of a part of a network; costs can be added.

    Attributes:
        params: Learnable parameters.
        macs: Multiply-adds of one forward pass for one image.
        activation_elements: Numbers that one image leaves in memory for the backward pass.
    """

    params: int = 0
    macs: int = 0
    activation_elements: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.params + other.params,
            self.macs + other.macs,
            self.activation_elements + other.activation_elements,
        )


def count_params(architecture: Architecture, num_classes: int = 1000) -> int:
    """Return the number of learnable parameters, without running statistics."""
    # The count does not depend on the image, so the smallest size will do.
    return sum(cost.params for cost in stage_costs(architecture, 1, num_classes).values())


def count_macs(architecture: Architecture, image_size: int, num_classes: int = 1000) -> int:
    """Return the multiply-adds of one forward pass for one image; the papers say FLOPs.

    Args and raises as `stage_costs`.
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
    costs = {"stem": image + _conv_cost(_IMAGE_CHANNELS, width, 3, side=side, kept=3)}
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


def output_side(side: int, stride: int) -> int:
    """Return the side of a convolution's output in pixels; both padding rules give the same."""
    return -(-side // stride)


def _blocks(stage: Stage, in_width: int, side: int) -> Iterator[Cost]:
    """Yield the cost of each block; only the first changes width and image side."""
    out_side = output_side(side, stage.stride)
    yield _block_cost(stage, in_width, side, out_side)
    for _ in range(1, stage.depth):
        yield _block_cost(stage, stage.width, out_side, out_side)


def _block_cost(stage: Stage, in_width: int, side: int, out_side: int) -> Cost:
    """Return the cost of the layers of `search_space.nn.build_block`."""
    hidden, kernel = in_width * stage.expand_ratio, stage.kernel_size
    fused, expands = stage.block is BlockType.FUSED_MBCONV, stage.expand_ratio != 1
    if fused and not expands:
        project = _conv_cost(in_width, stage.width, kernel, side=out_side, kept=3)
        return _squeeze_excite_cost(stage, in_width, side=side) + project
    total = _squeeze_excite_cost(stage, in_width, side=out_side)
    if fused:
        total += _conv_cost(in_width, hidden, kernel, side=out_side, kept=3)
    else:
        total += _conv_cost(hidden, hidden, kernel, side=out_side, kept=3, groups=hidden)
        if expands:
            total += _conv_cost(in_width, hidden, 1, side=side, kept=3)
    return total + _conv_cost(hidden, stage.width, 1, side=out_side, kept=2)


def _head(width: int, head_width: int, num_classes: int, side: int) -> Cost:
    """1x1 convolution, pooling and classifier; pooling keeps its output and not its input."""
    classifier = Cost((head_width + 1) * num_classes, head_width * num_classes, head_width)
    return _conv_cost(width, head_width, 1, side=side, kept=2) + classifier


def _conv_cost(
    in_width: int, out_width: int, kernel_size: int, *, side: int, kept: int, groups: int = 1
) -> Cost:
    """Return the cost of a convolution without bias and of the batch normalisation after it.

    Args:
        in_width: Input channels.
        out_width: Output channels.
        kernel_size: Side of the kernel, pixels.
        side: Side of the *output*, pixels.
        kept: Number of output-sized tensors that the backward pass needs: the convolution's
            output (input of the normalisation), the normalised tensor (input of the SiLU, if
            there is one), and the layer's output.
        groups: Groups of the convolution.
    """
    weights = kernel_size**2 * (in_width // groups) * out_width
    return Cost(weights + 2 * out_width, weights * side**2, kept * out_width * side**2)


def _squeeze_excite_cost(stage: Stage, in_width: int, *, side: int) -> Cost:
    """Return the cost of a block's squeeze-excite: two linear layers with biases, and the product.

    The block has `in_width` input channels, and the scaled tensor has the side `side`, pixels.
    """
    if not stage.se_ratio:
        return Cost()
    width, squeezed = in_width * stage.expand_ratio, stage.squeeze_width(in_width)
    params = 2 * width * squeezed + squeezed + width
    vectors = 2 * width + 2 * squeezed  # pooled, squeezed before and after SiLU, gate
    return Cost(params, 2 * width * squeezed, width * side**2 + vectors)
