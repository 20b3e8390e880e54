"""NSGA-II: sorting by its definition, and the objectives that rank the trials."""

import random
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import TrialState

from nas.candidate import Outcome, State
from nas.engine.study import ProposalStudy, quiet_optuna
from nas.metrics import Metric, Metrics
from nas.samplers import make_sampler, sampler_factory
from nas.samplers.nsga2 import crowding_distances, front_ranks
from tests.toys.space import ToyDecision, ToySpace

point_lists = st.lists(
    st.tuples(*(st.integers(0, 4).map(float) for _ in range(3))), min_size=1, max_size=25
)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet_optuna()


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


@given(point_lists)
def test_each_front_is_undominated_without_the_fronts_before(
    points: list[tuple[float, ...]],
) -> None:
    ranks = front_ranks(np.array(points))
    left = set(range(len(points)))
    rank = 0
    while left:
        front = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        assert {i for i in range(len(points)) if ranks[i] == rank} == front
        left -= front
        rank += 1


def test_crowding_is_the_half_perimeter_around_a_point() -> None:
    points = np.array([[0.0, 4.0], [1.0, 3.0], [3.0, 1.0], [4.0, 0.0], [9.0, 9.0]])
    distances = crowding_distances(points, front_ranks(points))
    # Second of four: neighbours (0, 4) and (3, 1) are 3 and 3 apart, the front 4 and 4 wide.
    assert distances.tolist() == [np.inf, 1.5, 1.5, np.inf, np.inf]


def test_an_objective_that_is_unknown_for_all_points_is_ignored() -> None:
    points = np.array([[0.0, np.inf], [1.0, np.inf], [2.0, np.inf]])
    ranks = front_ranks(points)
    assert ranks.tolist() == [0, 1, 2]
    assert np.isinf(crowding_distances(points, ranks)).all()


class Front:
    """Twelve decisions trade accuracy against time; the thirteenth only adds parameters."""

    def decisions(self) -> tuple[ToyDecision, ...]:
        trades = [ToyDecision(name=f"d{i}", options=(0, 1, 2)) for i in range(12)]
        return (*trades, ToyDecision(name="waste", options=tuple(range(6))))

    def outcome(self, choices: Any) -> Outcome:
        trades = [int(choices[f"d{i}"]) for i in range(12)]
        # Choice 1 takes as much time as 2 and is no more accurate than 0.
        metrics: dict[str, Metric] = {
            "accuracy": sum(one == 2 for one in trades) / 12,
            "relative_step_time": 1.0 + sum(one > 0 for one in trades),
            "num_params": 10 + int(choices["waste"]),
        }
        return Outcome(state=State.COMPLETE, reward=0.5, metrics=Metrics(other=metrics))


def distance_from_front(name: str, budget: int = 200) -> float:
    """Return the mean distance of the last fifth of a search from the front."""
    space = Front()
    study = ProposalStudy(space.decisions(), sampler_factory(name, seed=1))
    distances = []
    for _ in range(budget):
        proposal = study.propose()
        study.tell(proposal.number, space.outcome(proposal.choices))
        trades = [proposal.choices[f"d{i}"] for i in range(12)]
        distances.append(trades.count(1) + int(proposal.choices["waste"]))
    return float(np.mean(distances[-budget // 5 :]))


def test_a_search_is_ranked_by_three_metrics_even_if_the_reward_is_constant() -> None:
    assert distance_from_front("random") > 5.0
    assert distance_from_front("nsga2") < 3.0


def test_a_study_of_a_user_is_ranked_by_its_objectives() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        up = [trial.suggest_categorical(f"d{i}", (0, 1, 2)) for i in range(10)]
        return float(sum(int(u or 0) == 2 for u in up)), float(sum(int(u or 0) > 0 for u in up))

    def wasted(name: str) -> float:
        study = optuna.create_study(
            directions=["maximize", "minimize"], sampler=make_sampler(name, seed=0)
        )
        study.optimize(objective, n_trials=250)
        return float(np.mean([list(t.params.values()).count(1) for t in study.trials[-50:]]))

    assert wasted("random") > 2.5
    assert wasted("nsga2") < 1.6


def test_failed_and_refused_candidates_are_not_members() -> None:
    space = ToySpace(stages=2)
    study = ProposalStudy(space.decisions(), sampler_factory("nsga2", seed=0, population=4))
    for number in range(30):
        study.open_trial(space.sample(random.Random(number)))
        outcome = Outcome.failed("NaN") if number % 2 else Outcome.infeasible("no")
        study.tell(number, outcome)
    assert study.propose().number == 30  # the population is empty, so the draw is random


def test_a_child_mixes_its_parents_and_differs_from_both() -> None:
    sampler = make_sampler("nsga2", seed=0, population=2, crossover=1.0, mutation=0.0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    distributions: dict[str, BaseDistribution] = {
        f"d{i}": CategoricalDistribution((0, 1, 2, 3)) for i in range(8)
    }
    for value in (0, 1):
        study.add_trial(
            optuna.trial.create_trial(
                params=dict.fromkeys(distributions, value),
                distributions=distributions,
                values=[float(value), float(value)],
            )
        )
    mixed = 0
    for _ in range(20):
        child = study.ask(distributions).params
        others = [value for value in child.values() if value > 1]
        assert child not in (dict.fromkeys(child, 0), dict.fromkeys(child, 1))
        mixed += {0, 1} <= set(child.values())
        assert len(others) <= 1  # a mutation only if it would repeat a parent
    assert mixed >= 5
    assert len(study.get_trials(states=(TrialState.RUNNING,))) == 20


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="population must be a whole number >= 2, got 1"):
        make_sampler("nsga2", seed=0, population=1)
    with pytest.raises(ValueError, match=r"crossover must be in \[0, 1\], got 1.5"):
        make_sampler("nsga2", seed=0, crossover=1.5)
    with pytest.raises(ValueError, match=r"mutation must be in \[0, 1\], got -1"):
        make_sampler("nsga2", seed=0, mutation=-1)
