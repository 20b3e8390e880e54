"""Compound scaling: depth, width and image size grow together."""

import math
from dataclasses import asdict, dataclass, replace

from scaling.image_size import SizeLimits, scaled_sizes
from scaling.named_sizes import scales_stem_and_head
from scaling.source import ScaledNetwork, ScalingSource, used_constants
from search_space.architecture import Architecture
from search_space.checks import require
from search_space.published import round_depth, round_width

# Found by a small grid search at phi = 1 under alpha * beta^2 * gamma^2 = 2: arXiv:1905.11946,
# section 3.3. The published networks use hand-rounded coefficients (scaling/named_sizes.py).
ALPHA = 1.2
BETA = 1.1
GAMMA = 1.15

# Far above any useful request: the largest published network has 5.3 times B0's layers.
MAX_DEPTH_MULTIPLIER = 64.0
MAX_WIDTH_MULTIPLIER = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Multipliers of a network: 1 changes nothing, below 1 makes it smaller.

    Attributes:
        depth: Multiplier of the layers of a stage, in (0, 64].
        width: Multiplier of channels, in (0, 16].
        image_size: Multiplier of the image side, > 0.

    Raises:
        ValueError: If a multiplier is not in its range; the message names it.
    """

    depth: float = 1.0
    width: float = 1.0
    image_size: float = 1.0

    def __post_init__(self) -> None:
        largest = (MAX_DEPTH_MULTIPLIER, MAX_WIDTH_MULTIPLIER, math.inf)
        for (name, value), most in zip(asdict(self).items(), largest, strict=True):
            in_range = 0.0 < value <= most and math.isfinite(value)
            require(in_range, f"Growth.{name}", f"> 0 and at most {most:g}", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompoundRates:
    """Growth of depth, width and image size per unit of phi.

    Attributes:
        alpha: Depth grows by ``alpha ** phi``; in [1, 4].
        beta: Width grows by ``beta ** phi``; in [1, 4].
        gamma: Image side grows by ``gamma ** phi``; in [1, 4].

    Raises:
        ValueError: If a rate is not in [1, 4]; the message names it.

    Source: arXiv:1905.11946, equation 3.
    """

    alpha: float = ALPHA
    beta: float = BETA
    gamma: float = GAMMA

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            require(1.0 <= value <= 4.0, f"CompoundRates.{name}", "in [1, 4]", value)

    def growth(self, phi: float) -> Growth:
        """Return the multipliers at `phi`; the defaults multiply the macs by about 2**phi."""
        return Growth(depth=self.alpha**phi, width=self.beta**phi, image_size=self.gamma**phi)


def grow(
    architecture: Architecture, *, depth: float, width: float, guard: bool, stem_and_head: bool
) -> Architecture:
    """Multiply the layers and channels of every stage; everything else stays.

    Args:
        architecture: The network.
        depth: Multiplier of every stage's layers, for `round_depth`.
        width: Multiplier of every stage's channels, for `round_width`.
        guard: Round a width up where rounding would lose more than a tenth of it.
        stem_and_head: Whether stem and head are multiplied by `width` too.

    Source: arXiv:1905.11946, section 3.3.
    """

    def channels(count: int) -> int:
        return round_width(count, width, guard=guard)

    stages = tuple(
        replace(stage, depth=round_depth(stage.depth, depth), width=channels(stage.width))
        for stage in architecture.stages
    )
    stem, head = architecture.stem_width, architecture.head_width
    if stem_and_head:
        stem, head = channels(stem), channels(head)
    return Architecture(stem_width=stem, stages=stages, head_width=head)


def multiply(source: ScalingSource, growth: Growth, limits: SizeLimits) -> ScaledNetwork:
    """Multiply depth and width of every stage, and the image size.

    Stem and head follow the width for sources that count as B0 to B3, and stay for larger ones.

    Raises:
        ValueError: If an image size of the source exceeds the cap.

    Source: arXiv:1905.11946, section 3.3; stem and head as in effnetv2_configs.py.
    """
    sizes = scaled_sizes(source.image_size, source.image_size.eval * growth.image_size, limits)
    stem_and_head = scales_stem_and_head(source.base_size)
    return ScaledNetwork(
        architecture=grow(
            source.architecture,
            depth=growth.depth,
            width=growth.width,
            guard=source.round_up_guard,
            stem_and_head=stem_and_head,
        ),
        train_size=sizes.train,
        eval_size=sizes.eval,
        rule="compound",
        constants={
            **used_constants(source, limits),
            **asdict(growth),
            "stem_and_head_scaled": stem_and_head,
        },
    )
