"""Costs of single layers: parameters, multiply-adds and kept activations."""

from dataclasses import dataclass


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


def conv_cost(
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


def squeeze_excite_cost(se_ratio: float, in_width: int, width: int, *, side: int) -> Cost:
    """Return the cost of squeeze-excite: two linear layers with biases, and the product.

    Args:
        se_ratio: Squeeze-excite channels / the block's input channels; 0 costs nothing.
        in_width: Input channels of the block.
        width: Channels of the tensor that is scaled.
        side: Side of that tensor, pixels.
    """
    if not se_ratio:
        return Cost()
    squeezed = squeeze_width(in_width, se_ratio)
    params = 2 * width * squeezed + squeezed + width
    vectors = 2 * width + 2 * squeezed  # pooled, squeezed before and after SiLU, gate
    return Cost(params, 2 * width * squeezed, width * side**2 + vectors)


def squeeze_width(in_width: int, se_ratio: float) -> int:
    """Return the channels between squeeze-excite's layers, from the *block's input* channels.

    Source: google/automl efficientnetv2/effnetv2_model.py, `MBConvBlock`.
    """
    return max(1, int(in_width * se_ratio))


def output_side(side: int, stride: int) -> int:
    """Return the side of a convolution's output in pixels; both padding rules give the same."""
    return -(-side // stride)
