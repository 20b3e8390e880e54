"""What single layers cost: the rules that `search_space.cost` adds up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """A running sum of the three costs."""

    params: int = 0
    macs: int = 0
    activations: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.params + other.params,
            self.macs + other.macs,
            self.activations + other.activations,
        )


def conv_cost(
    in_width: int, out_width: int, kernel_size: int, *, side: int, kept: int, groups: int = 1
) -> Tally:
    """Convolution without bias, then batch normalisation with its scale and shift.

    Args:
        in_width: Input channels.
        out_width: Output channels.
        kernel_size: Side of the kernel.
        side: Side of the *output*, pixels.
        kept: Output-sized tensors kept for backward: the convolution's own output (input of the
            normalisation), the normalised one (input of the SiLU, if any), and what leaves.
        groups: Groups of the convolution.
    """
    weights = kernel_size**2 * (in_width // groups) * out_width
    return Tally(weights + 2 * out_width, weights * side**2, kept * out_width * side**2)


def squeeze_excite_cost(se_ratio: float, in_width: int, width: int, *, side: int) -> Tally:
    """Two linear layers with biases on the pooled vector, and the product with the gate."""
    if not se_ratio:
        return Tally()
    squeezed = squeeze_width(in_width, se_ratio)
    params = 2 * width * squeezed + squeezed + width
    vectors = 2 * width + 2 * squeezed  # pooled, squeezed before and after SiLU, gate
    return Tally(params, 2 * width * squeezed, width * side**2 + vectors)


def squeeze_width(in_width: int, se_ratio: float) -> int:
    """Channels between squeeze-excite's two layers, from the *block's input* channels.

    Source: google/automl efficientnetv2/effnetv2_model.py, `MBConvBlock`.
    """
    return max(1, int(in_width * se_ratio))


def halved(side: int) -> int:
    """Side after a stride of 2, with either padding rule."""
    return (side + 1) // 2
