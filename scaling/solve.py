"""Find the phi that makes a network as large, or as costly, as is asked."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from scaling.compound import MAX_DEPTH_MULTIPLIER, MAX_WIDTH_MULTIPLIER, CompoundRates, multiply
from scaling.image_size import SizeLimits
from scaling.source import ScaledNetwork, Source
from search_space.cost import count_macs, count_params

TOLERANCE = 0.03  # a network within 3 % of a requested size is that size
_FARTHEST_PHI = 24.0
_BISECTIONS = 60  # enough to tell neighbouring steps apart in double precision
_SPREADS = (0.0, 0.125, 0.25, 0.5, 1.0)  # how far apart in phi the stages may be

AtPhi = Callable[[float], ScaledNetwork]


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


def solve(source: Source, goal: Goal, rates: CompoundRates, limits: SizeLimits) -> ScaledNetwork:
    """Find the phi whose network meets `goal` within 3 %, and scale by it.

    Rounding makes the cost a staircase in phi, and a goal may fall between two steps. Then
    neighbouring stages go ahead of the others in phi: by as little as meets the goal, and by 1
    at most.

    Raises:
        ValueError: If no network comes within 3 % of the goal; the message says what is there.

    Source: arXiv:1905.11946, equation 3; the back first as in arXiv:2104.00298, section 3.3.
    """

    def at(phi: float) -> ScaledNetwork:
        network = multiply(source, rates.growth(phi), limits)
        constants = {"phi": phi, "alpha": rates.alpha, "beta": rates.beta, "gamma": rates.gamma}
        return replace(network, constants={**network.constants, **constants})

    farthest = _farthest(rates)
    below, above = _bracket(at, goal, farthest)
    costs: list[int] = []
    for spread in _SPREADS:
        low, high = _apart(below, above, spread, farthest)
        candidates = list(_mixtures(at(low), at(high)))
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
    """The largest phi that keeps the multipliers within their range."""
    ends = (
        math.log(most) / math.log(rate)
        for rate, most in ((rates.alpha, MAX_DEPTH_MULTIPLIER), (rates.beta, MAX_WIDTH_MULTIPLIER))
        if rate > 1.0
    )
    return min(_FARTHEST_PHI, *ends, _FARTHEST_PHI) * (1.0 - 1e-9)


def _bracket(at: AtPhi, goal: Goal, farthest: float) -> tuple[float, float]:
    """The last phi at or below the goal and the first above it, as near as floats are."""
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
    """Go from 0 towards `end` in steps of 1, and stop once the goal is passed."""
    sign = math.copysign(1.0, end)
    phi = 0.0
    while phi != end and sign * (goal.cost(at(phi)) - goal.value) <= 0:
        phi = sign * min(abs(phi) + 1.0, abs(end))
    return phi


def _apart(below: float, above: float, spread: float, farthest: float) -> tuple[float, float]:
    """Both ends of a `spread` around the goal, on its side of 0: growing shrinks no stage."""
    low, high = max(below - spread / 2, -farthest), min(above + spread / 2, farthest)
    return (max(low, 0.0), high) if below >= 0.0 else (low, min(high, max(above, 0.0)))


def _mixtures(low: ScaledNetwork, high: ScaledNetwork) -> Iterator[ScaledNetwork]:
    """`low`, `high`, and `low` with a run of steps already taken as in `high`.

    A step is the layers or the channels of one stage; runs at the back come first.
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
        ahead = [f"stage{place + 1}.{field}" for place, field in steps[first:last]]
        yield replace(
            low,
            architecture=replace(low.architecture, stages=tuple(stages)),
            constants={
                **low.constants,
                "ahead": {"phi": high.constants["phi"], "steps": ahead},
            },
        )
