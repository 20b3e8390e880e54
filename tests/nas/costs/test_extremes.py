"""A constraint that no candidate satisfies is refused with what the space can reach."""

import itertools
from dataclasses import asdict

import pytest

from nas.costs.constraint import Constraint
from nas.costs.extremes import require_satisfiable
from nas.costs.predictor import CostPredictor
from search_space.space import SearchSpace
from tests.nas.nas_records import CONFIG
from tests.toys.step_table import TINY, made_table


def predictor(*constraints: str, space: SearchSpace = TINY, table: bool = False) -> CostPredictor:
    parsed = tuple(map(Constraint.parse, constraints))
    times = made_table(relative_error=0.0) if table else None
    return CostPredictor(space, CONFIG.proxy, 10, times, constraints=parsed)


def small_space() -> SearchSpace:
    """Return the tiny space with options left in its last two stages only: few candidates."""
    space = SearchSpace.load("tiny")
    first = [
        {
            **{name: getattr(stage, name) for name in ("width", "stride", "se_ratio", "backbone")},
            **{name: (value,) for name, value in asdict(stage.backbone).items()},
            "block": stage.block[:1],
        }
        for stage in space.stages[:-2]
    ]
    stages = tuple(type(space.stages[0])(**fields) for fields in first) + space.stages[-2:]
    values = {name: getattr(space, name) for name in space.__dataclass_fields__}
    return SearchSpace(**{**values, "stages": stages})


def every_candidate(space: SearchSpace) -> list[dict[str, int | str]]:
    decisions = space.decisions()
    found = {}
    for options in itertools.product(*(one.options for one in decisions)):
        choices = space.canonical(dict(zip([d.name for d in decisions], options, strict=True)))
        found[space.key(choices)] = choices
    return list(found.values())


@pytest.mark.parametrize("quantity", ["params", "macs", "memory"])
@pytest.mark.parametrize(("sign", "which"), [("<", "smallest"), (">", "largest")])
def test_the_extreme_is_that_of_all_candidates(quantity: str, sign: str, which: str) -> None:
    space = small_space()
    limit = 1 if sign == "<" else 10**15
    known = predictor(space=space)
    costs = [known.costs(one).by_quantity()[quantity] for one in every_candidate(space)]
    extreme = min(costs) if sign == "<" else max(costs)
    shown = f"{extreme / 1e9:.3f} GB" if quantity == "memory" else f"{extreme:,.0f}"
    with pytest.raises(
        ValueError,
        match=rf"no candidate of space tiny satisfies --constraint '{quantity} {sign} {limit}': "
        rf"the {which} that it has is {quantity} {shown}$",
    ):
        require_satisfiable(predictor(f"{quantity} {sign} {limit}", space=space))


def test_a_predicted_step_time_is_refused_too() -> None:
    with pytest.raises(ValueError, match=r"the smallest that it has is step_time 0\.\d+ of the"):
        require_satisfiable(predictor("step_time < 0.01", table=True))
    require_satisfiable(predictor("step_time < 0.01"))  # nothing is known without a table


def test_constraints_that_leave_some_candidates_are_accepted() -> None:
    require_satisfiable(predictor())
    require_satisfiable(predictor("params < 24M", "macs < 9G"))
    known = predictor()
    smallest = min(known.costs(one).params for one in every_candidate(small_space()))
    with pytest.raises(ValueError, match="no candidate"):
        require_satisfiable(predictor(f"params < {smallest}", space=small_space()))
    require_satisfiable(predictor(f"params <= {smallest}", space=small_space()))
