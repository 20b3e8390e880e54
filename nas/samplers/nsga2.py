"""NSGA-II over a population that is recomputed from the trials."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from nas.candidate import State
from nas.samplers.base import ReproducibleSampler, check_float, check_int
from nas.samplers.history import History
from nas.samplers.nondominated import crowding_distances, front_ranks

# Metrics that rank the candidates of a search, each with the sign that makes it a loss.
METRICS = {"accuracy": -1.0, "relative_step_time": 1.0, "num_params": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A trial of the population.

    Attributes:
        trial: The trial.
        losses: Objectives that rank it, all to be minimized.
        rank: Index of its front; 0 is the best front.
        crowding_distance: Half the perimeter of the box that its neighbours in the front span.
    """

    trial: FrozenTrial
    losses: tuple[float, ...]
    rank: int = 0
    crowding_distance: float = 0.0

    @property
    def order(self) -> tuple[int, float]:
        """Sort key of the selection: the lower front first, then the less crowded member."""
        return self.rank, -self.crowding_distance


class Population(History):
    """The best `size` trials of a study by front and crowding distance.

    Each complete trial is added and the worst one is removed, in the order of completion, so
    the population is a function of the trials. Of trials with equal choices only the first is
    a member.

    Source: steady-state NSGA-II, Durillo et al., On the Effect of the Steady-State Selection
        Scheme in Multi-Objective Genetic Algorithms (EMO 2009).
    """

    def __init__(self, size: int) -> None:
        self._size = size
        super().__init__()

    def members(self, study: Study) -> list[Member]:
        """Return the population after all complete trials; the list is not changed later."""
        with self._tracker.lock:
            self.update(study)
            return self._members

    def _restart(self) -> None:
        self._members: list[Member] = []

    def _append(self, trial: FrozenTrial, study: Study) -> None:
        if trial.user_attrs.get("state", State.COMPLETE) != State.COMPLETE:
            return
        if any(member.trial.params == trial.params for member in self._members):
            return
        members = [*self._members, Member(trial=trial, losses=losses_of(trial, study.directions))]
        points = np.array([member.losses for member in members])
        ranks = front_ranks(points)
        distances = crowding_distances(points, ranks)
        members = [
            replace(member, rank=int(rank), crowding_distance=float(distance))
            for member, rank, distance in zip(members, ranks, distances, strict=True)
        ]
        if len(members) > self._size:
            members.remove(max(members, key=lambda member: member.order))
        self._members = members


class Nsga2Sampler(ReproducibleSampler):
    """Finds the front of accuracy, relative step time and parameters by crossover and mutation.

    In a search the trials are ranked by these three, whatever the exponents of the reward; in a
    study of the user by the study's objectives, one or several. A parent is the better of two
    random members, by front and then by crowding distance. A child takes each decision from one
    of its two parents and changes a few. A decision that becomes active only through a change is
    drawn at random, as is everything until the first population is complete. Failed trials are
    not part of the population. A mutated number is drawn from its whole range.

    Source: Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II (IEEE
        Transactions on Evolutionary Computation 6, 2002), in its steady-state form, which does
        not wait for a generation to end.
    """

    name: ClassVar[str] = "nsga2"
    single_objective: ClassVar[bool] = False

    def __init__(
        self,
        *,
        seed: int | None = None,
        population: int = 20,
        crossover: float = 0.9,
        mutation: float | None = None,
    ) -> None:
        """Make a sampler.

        Args:
            seed: Seed of all draws; None gives different draws every time.
            population: Number of trials in the population.
            crossover: Probability that a child has two parents.
            mutation: Probability that a decision changes; None is 1 / number of decisions. A
                child equal to one of its parents changes in at least one decision.

        Raises:
            ValueError: If an option is out of range.
        """
        check_int("nsga2's population", population, 2)
        check_float("nsga2's crossover", crossover, 0, 1)
        if mutation is not None:
            check_float("nsga2's mutation", mutation, 0, 1)
        self._crossover, self._mutation, self._size = crossover, mutation, population
        self._population = Population(population)
        super().__init__(seed)

    def _search_space(self, study: Study) -> dict[str, BaseDistribution]:
        """Return the decisions of the population; empty until it is complete."""
        members = self._population.members(study)
        if len(members) < self._size:
            return {}
        return {
            name: distribution
            for member in members
            for name, distribution in member.trial.distributions.items()
        }

    def _sample(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the choices of a child."""
        members = self._population.members(study)
        parents = [self._parent(members).trial]
        if self._rng.random() < self._crossover:
            parents.append(self._parent(members).trial)
        child: dict[str, Any] = {}
        for name in search_space:
            if carriers := [parent for parent in parents if name in parent.params]:
                child[name] = self._rng.choice(carriers).params[name]
        open_names = [name for name in child if not search_space[name].single()]
        rate = 1 / max(1, len(child)) if self._mutation is None else self._mutation
        for name in open_names:
            if self._rng.random() < rate:
                child[name] = self._other_value(
                    study, trial, name, child[name], search_space[name]
                )
        if open_names and any(child == parent.params for parent in parents):
            name = self._rng.choice(open_names)
            child[name] = self._other_value(study, trial, name, child[name], search_space[name])
        return child

    def _parent(self, members: list[Member]) -> Member:
        """Return the winner of a binary tournament."""
        return min(self._rng.sample(members, 2), key=lambda member: member.order)


def losses_of(trial: FrozenTrial, directions: list[StudyDirection]) -> tuple[float, ...]:
    """Return the objectives that rank a trial, all to be minimized.

    A trial of a search, which carries ``metrics``, has its accuracy, relative step time and
    parameters. A metric that it lacks is infinite, except that the reward replaces a missing
    accuracy. Any other trial has the study's objectives.
    """
    signs = [-1.0 if goal is StudyDirection.MAXIMIZE else 1.0 for goal in directions]
    values = tuple(sign * value for sign, value in zip(signs, trial.values, strict=True))
    metrics = trial.user_attrs.get("metrics")
    if metrics is None or len(directions) > 1:
        return values
    found = {name: sign * metrics[name] for name, sign in METRICS.items() if name in metrics}
    return tuple({**dict.fromkeys(METRICS, np.inf), "accuracy": values[0], **found}.values())
