"""Multipliers of the whole network: given by hand, or solved for a size or a cost."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from scaling.compound import (
    MAX_DEPTH_MULTIPLIER,
    MAX_WIDTH_MULTIPLIER,
    CompoundRates,
    Growth,
    grow,
)
from scaling.image_size import SizeLimits, scaled_sizes
from scaling.ladder import scales_stem_and_head
from scaling.source import ScaledNetwork, Source, used_constants
from search_space.architecture import Architecture
from search_space.cost import count_macs, count_params

TOLERANCE = 0.03  # a network within 3 % of a requested size is that size
_FARTHEST_PHI = 24.0
_BISECTIONS = 60  # enough to tell neighbouring steps apart in double precision


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A size or a cost to reach.

    Attributes:
        kind: "params", or "macs" at the scaled network's evaluation size.
        value: How many.
        num_classes: Outputs of the classifier, which counts too.
    """

    kind: Literal["params", "macs"]
    value: float
    num_classes: int = 1000

    def cost(self, network: ScaledNetwork) -> int:
        """What `network` has of it."""
        if self.kind == "params":
            return count_params(network.architecture, self.num_classes)
        return count_macs(network.architecture, network.eval_size, self.num_classes)


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


def solve(source: Source, goal: Goal, rates: CompoundRates, limits: SizeLimits) -> ScaledNetwork:
    """Find the phi whose network comes nearest to `goal`, and scale by it.

    Rounding makes the cost a staircase in phi. Where several stages step at one phi, those at
    the back may step alone: depth belongs to the back (arXiv:2104.00298, section 3.3), and more
    goals can be met.

    Raises:
        ValueError: If no network comes within 3 % of the goal; the message says what is there.
    """

    def at(phi: float) -> ScaledNetwork:
        network = multiply(source, rates.growth(phi), limits)
        constants = {"phi": phi, "alpha": rates.alpha, "beta": rates.beta, "gamma": rates.gamma}
        return replace(network, constants={**network.constants, **constants})

    low, high = _bracket(at, goal, _farthest(rates))
    nearest = min(_between(low, high), key=lambda network: abs(goal.cost(network) - goal.value))
    if abs(goal.cost(nearest) - goal.value) > TOLERANCE * goal.value:
        raise ValueError(
            f"target {goal.kind} {goal.value:,.0f} is not reachable within {TOLERANCE:.0%}: "
            f"the nearest networks have {goal.cost(low):,} and {goal.cost(high):,}"
        )
    constants = {"target_" + goal.kind: goal.value, "num_classes": goal.num_classes}
    return replace(nearest, constants={**nearest.constants, **constants})


def _farthest(rates: CompoundRates) -> float:
    """The largest phi that keeps the multipliers within their range."""
    ends = (
        math.log(most) / math.log(rate)
        for rate, most in ((rates.alpha, MAX_DEPTH_MULTIPLIER), (rates.beta, MAX_WIDTH_MULTIPLIER))
        if rate > 1.0
    )
    return min(_FARTHEST_PHI, *ends, _FARTHEST_PHI) * (1.0 - 1e-9)


def _bracket(
    at: Callable[[float], ScaledNetwork], goal: Goal, farthest: float
) -> tuple[ScaledNetwork, ScaledNetwork]:
    """The last network at or below the goal and the first at or above it."""
    below, above = _walk(at, goal, -farthest), _walk(at, goal, farthest)
    if not goal.cost(at(below)) <= goal.value <= goal.cost(at(above)):
        raise ValueError(
            f"target {goal.kind} {goal.value:,.0f} is not reachable with these rates: "
            f"they reach from {goal.cost(at(below)):,} to {goal.cost(at(above)):,}"
        )
    for _ in range(_BISECTIONS):
        middle = (below + above) / 2
        if goal.cost(at(middle)) <= goal.value:
            below = middle
        else:
            above = middle
    return at(below), at(above)


def _walk(at: Callable[[float], ScaledNetwork], goal: Goal, end: float) -> float:
    """Go from 0 towards `end` in steps of 1, and stop once the goal is passed."""
    sign = math.copysign(1.0, end)
    phi = 0.0
    while phi != end and sign * (goal.cost(at(phi)) - goal.value) <= 0:
        phi = sign * min(abs(phi) + 1.0, abs(end))
    return phi


def _between(low: ScaledNetwork, high: ScaledNetwork) -> list[ScaledNetwork]:
    """`low`, `high`, and the networks on the way where later stages have stepped first."""
    small, large = low.architecture, high.architecture
    mixed = [
        replace(
            low,
            architecture=Architecture(
                stem_width=small.stem_width,
                stages=(*small.stages[:place], *large.stages[place:]),
                head_width=small.head_width,
            ),
        )
        for place in range(1, len(small.stages))
    ]
    return [low, *mixed, high]
