"""Compound scaling: depth, width and image size grow together, by plain arithmetic."""

import math
from dataclasses import dataclass, replace

from scaling.image_size import SizeLimits, scaled_sizes
from scaling.named_sizes import scales_stem_and_head
from scaling.source import ScaledNetwork, Source, used_constants
from search_space.architecture import Architecture, Stage
from search_space.published import round_depth, round_width

# Found by a small grid search at phi = 1 under alpha * beta^2 * gamma^2 = 2: arXiv:1905.11946,
# section 3.3. The published networks use hand-rounded coefficients instead (scaling/ladder.py).
ALPHA = 1.2
BETA = 1.1
GAMMA = 1.15

# No sensible request comes near: the largest published network has 5.3 times B0's layers.
MAX_DEPTH_MULTIPLIER = 64.0
MAX_WIDTH_MULTIPLIER = 16.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What a network is multiplied by; 1 leaves it as it is, less makes it smaller.

    Attributes:
        depth: Multiplier of the layers of a stage.
        width: Multiplier of channels.
        image_size: Multiplier of the image side.

    Raises:
        ValueError: If a multiplier is not in its range; the message names it.
    """

    depth: float = 1.0
    width: float = 1.0
    image_size: float = 1.0

    def __post_init__(self) -> None:
        limits = {
            "depth": MAX_DEPTH_MULTIPLIER,
            "width": MAX_WIDTH_MULTIPLIER,
            "image_size": math.inf,
        }
        for name, most in limits.items():
            value = getattr(self, name)
            if not (0.0 < value <= most and math.isfinite(value)):
                raise ValueError(f"Growth.{name} must be > 0 and at most {most:g}, got {value!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompoundRates:
    """How much of each unit of phi goes into depth, width and image size.

    Attributes:
        alpha: Depth grows by ``alpha ** phi``.
        beta: Width grows by ``beta ** phi``.
        gamma: Image side grows by ``gamma ** phi``.

    Raises:
        ValueError: If one is not in [1, 4]; the message names it.

    Source: arXiv:1905.11946, equation 3.
    """

    alpha: float = ALPHA
    beta: float = BETA
    gamma: float = GAMMA

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma"):
            value = getattr(self, name)
            if not 1.0 <= value <= 4.0:
                raise ValueError(f"CompoundRates.{name} must be in [1, 4], got {value!r}")

    def growth(self, phi: float) -> Growth:
        """Multipliers at `phi`; multiply-adds grow by about ``2 ** phi`` with the defaults."""
        return Growth(depth=self.alpha**phi, width=self.beta**phi, image_size=self.gamma**phi)


def grow(
    architecture: Architecture, *, depth: float, width: float, guard: bool, stem_and_head: bool
) -> Architecture:
    """Multiply every stage alike; blocks, kernels, expansions and strides stay.

    Args:
        architecture: What to scale.
        depth: Multiplier of every stage's layers, rounded up.
        width: Multiplier of every stage's channels, rounded to the nearest multiple of 8.
        guard: Round a width up where rounding would lose more than a tenth of it.
        stem_and_head: Whether stem and head are multiplied by `width` too.

    Source: arXiv:1905.11946, section 3.3; rounding as in `round_width` and `round_depth`.
    """

    def channels(count: int) -> int:
        return round_width(count, width, guard=guard)

    def stage(old: Stage) -> Stage:
        return replace(old, depth=round_depth(old.depth, depth), width=channels(old.width))

    stem, head = architecture.stem_width, architecture.head_width
    return Architecture(
        stem_width=channels(stem) if stem_and_head else stem,
        stages=tuple(stage(old) for old in architecture.stages),
        head_width=channels(head) if stem_and_head else head,
    )


def multiply(source: Source, growth: Growth, limits: SizeLimits) -> ScaledNetwork:
    """Multiply every stage of a network alike, and its image size.

    Stem and head follow the width for sources that count as B0 to B3, and are left alone above.

    Raises:
        ValueError: If the cap lies below the source's own image sizes.

    Source: arXiv:1905.11946, section 3.3; stem and head as in effnetv2_configs.py.
    """
    sizes = scaled_sizes(source.image_size, source.image_size.eval * growth.image_size, limits)
    whole = scales_stem_and_head(source.counts_as, source.counts_as)
    return ScaledNetwork(
        architecture=grow(
            source.architecture,
            depth=growth.depth,
            width=growth.width,
            guard=source.guard,
            stem_and_head=whole,
        ),
        train_size=sizes.train,
        eval_size=sizes.eval,
        rule="compound",
        constants={
            **used_constants(source, limits),
            "depth": growth.depth,
            "width": growth.width,
            "image_size": growth.image_size,
            "stem_and_head_scaled": whole,
        },
    )
