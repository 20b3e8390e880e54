"""Solving for the phi of compound scaling that reaches a number of parameters or macs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Literal

from scaling.compound import MAX_DEPTH_MULTIPLIER, MAX_WIDTH_MULTIPLIER, CompoundRates, multiply
from scaling.image_size import SizeLimits
from scaling.source import ScaledNetwork, ScalingSource
from search_space.cost import count_macs, count_params

TOLERANCE = 0.03  # relative difference from the goal that is accepted
_MAX_PHI = 24.0
_BISECTIONS = 60  # enough to separate neighbouring steps in double precision
_SPREADS = (0.0, 0.125, 0.25, 0.5, 1.0)  # differences in phi between stages, tried in order

AtPhi = Callable[[float], ScaledNetwork]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A number of parameters or multiply-adds to reach.

    Attributes:
        kind: "params", or "macs" at the scaled network's evaluation size.
        value: The number.
        num_classes: Outputs of the classifier, which is included in the number.
    """

    kind: Literal["params", "macs"]
    value: float
    num_classes: int = 1000

    def cost(self, network: ScaledNetwork) -> int:
        """Return the parameters or multiply-adds of `network`."""
        if self.kind == "params":
            return count_params(network.architecture, self.num_classes)
        return count_macs(network.architecture, network.eval_size, self.num_classes)


def solve(
    source: ScalingSource, goal: Goal, rates: CompoundRates, limits: SizeLimits
) -> ScaledNetwork:
    """Scale by the phi whose network meets `goal` within 3 %.

    Rounding makes the cost a staircase in phi, and a goal may lie between two steps. Then some
    neighbouring stages are scaled with a larger phi than the others: with the smallest
    difference in phi that meets the goal, and at most 1.

    Raises:
        ValueError: If no network is within 3 % of the goal; the message gives the nearest ones.

    Source: arXiv:1905.11946, equation 3; last stages first as in arXiv:2104.00298, section 3.3.
    """

    def at(phi: float) -> ScaledNetwork:
        network = multiply(source, rates.growth(phi), limits)
        return replace(network, constants={**network.constants, "phi": phi, **asdict(rates)})

    farthest = _farthest(rates)
    below, above = _bracket(at, goal, farthest)
    costs: list[int] = []
    for spread in _SPREADS:
        low, high = _bracket_with_spread(below, above, spread, farthest)
        candidates = list(_partial_steps(at(low), at(high)))
        costs += (found := [goal.cost(network) for network in candidates])
        missed, place = min((abs(cost - goal.value), place) for place, cost in enumerate(found))
        if missed <= TOLERANCE * goal.value:
            asked = {f"target_{goal.kind}": goal.value, "num_classes": goal.num_classes}
            network = candidates[place]
            return replace(network, constants={**network.constants, **asked})
    raise ValueError(
        f"target {goal.kind} {goal.value:,.0f} is not reachable within {TOLERANCE:.0%}: the "
        f"nearest networks have {max(cost for cost in costs if cost <= goal.value):,} and "
        f"{min(cost for cost in costs if cost >= goal.value):,}"
    )


def _farthest(rates: CompoundRates) -> float:
    """Return the largest phi that keeps the multipliers within their range."""
    ends = (
        math.log(most) / math.log(rate)
        for rate, most in ((rates.alpha, MAX_DEPTH_MULTIPLIER), (rates.beta, MAX_WIDTH_MULTIPLIER))
        if rate > 1.0
    )
    return min((_MAX_PHI, *ends)) * (1.0 - 1e-9)


def _bracket(at: AtPhi, goal: Goal, farthest: float) -> tuple[float, float]:
    """Return the last phi at or below the goal and the first above it, in float precision."""
    below, above = _walk(at, goal, -farthest), _walk(at, goal, farthest)
    if not goal.cost(at(below)) <= goal.value <= goal.cost(at(above)):
        least, most = (goal.cost(at(phi)) for phi in (-farthest, farthest))
        raise ValueError(
            f"target {goal.kind} {goal.value:,.0f} is not reachable with these rates: "
            f"they reach from {least:,} to {most:,}"
        )
    for _ in range(_BISECTIONS):
        middle = (below + above) / 2
        if goal.cost(at(middle)) <= goal.value:
            below = middle
        else:
            above = middle
    return below, above


def _walk(at: AtPhi, goal: Goal, end: float) -> float:
    """Go from 0 towards `end` in steps of 1 until the goal is passed; return the last phi."""
    sign = math.copysign(1.0, end)
    phi = 0.0
    while phi != end and sign * (goal.cost(at(phi)) - goal.value) <= 0:
        phi = sign * min(abs(phi) + 1.0, abs(end))
    return phi


def _bracket_with_spread(
    below: float, above: float, spread: float, farthest: float
) -> tuple[float, float]:
    """Widen the bracket by `spread`, but not across 0: a larger goal shrinks no stage."""
    low, high = max(below - spread / 2, -farthest), min(above + spread / 2, farthest)
    return (max(low, 0.0), high) if below >= 0.0 else (low, min(high, max(above, 0.0)))


def _partial_steps(low: ScaledNetwork, high: ScaledNetwork) -> Iterator[ScaledNetwork]:
    """Yield `low`, `high`, and `low` with a run of steps taken from `high`.

    A step is the layers or the channels of one stage; runs of the last stages come first.
    """
    yield low
    yield high
    small, large = low.architecture.stages, high.architecture.stages
    steps = [
        (place, field)
        for place in reversed(range(len(small)))
        for field in ("depth", "width")
        if getattr(small[place], field) != getattr(large[place], field)
    ]
    for first, last in combinations(range(len(steps) + 1), 2):
        stages = list(small)
        for place, field in steps[first:last]:
            stages[place] = replace(stages[place], **{field: getattr(large[place], field)})
        partial_steps = [f"stage{place + 1}.{field}" for place, field in steps[first:last]]
        ahead = {"phi": high.constants["phi"], "steps": partial_steps}
        architecture = replace(low.architecture, stages=tuple(stages))
        yield replace(low, architecture=architecture, constants={**low.constants, "ahead": ahead})
