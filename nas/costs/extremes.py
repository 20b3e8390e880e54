"""The smallest and largest costs that a search space can reach, and constraints beyond them."""

import random
from itertools import groupby, product

from nas.candidate import Choices
from nas.costs.constraint import Constraint, shown_cost
from nas.costs.predictor import CostPredictor

DRAWS = 100  # random candidates that are tried first: most constraints leave some of them
MAX_PASSES = 5


def require_satisfiable(predictor: CostPredictor) -> None:
    """Raise ValueError if a constraint excludes every candidate by its predicted costs.

    The message says what the space can reach. Constraints that exclude every candidate only
    together are not found.
    """
    rng = random.Random(0)
    if any(not predictor.violation(predictor.space.sample(rng)) for _ in range(DRAWS)):
        return
    for constraint in predictor.constraints:
        sign = 1 if constraint.comparison.startswith("<") else -1
        costs = predictor.costs(_extreme(predictor, constraint, sign)).by_quantity()
        if constraint.violation(costs, margin=predictor.margin):
            which = "smallest" if sign > 0 else "largest"
            best = shown_cost(constraint.quantity, costs[constraint.quantity])
            raise ValueError(
                f"no candidate of space {predictor.space.name} satisfies --constraint "
                f"{constraint.text!r}: the {which} that it has is {best}"
            )


def _extreme(predictor: CostPredictor, constraint: Constraint, sign: int) -> Choices:
    """Return the choices with the smallest cost, or the largest for `sign` -1.

    Parameters, multiply-adds and predicted step times are sums over the stages, whose widths are
    fixed, so one pass over the stages is exact. Predicted memory is not such a sum; for it
    the passes end when no change of one stage is better.
    """

    def cost(choices: Choices) -> float:
        known = predictor.costs(predictor.space.canonical(choices)).by_quantity()
        return sign * known.get(constraint.quantity, 0.0)

    stages = [
        list(decisions)
        for _, decisions in groupby(
            predictor.space.decisions(), key=lambda one: one.name.partition(".")[0]
        )
    ]
    best = {one.name: one.options[0] for decisions in stages for one in decisions}
    lowest = cost(best)
    for _ in range(MAX_PASSES):
        before = lowest
        for decisions in stages:
            names = [one.name for one in decisions]
            for options in product(*(one.options for one in decisions)):
                changed = {**best, **dict(zip(names, options, strict=True))}
                if (found := cost(changed)) < lowest:
                    best, lowest = changed, found
        if lowest == before:
            break
    return predictor.space.canonical(best)
