"""NSGA-II over a population that is recomputed from the trials."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from nas.samplers.base import ReproducibleSampler, check_float, check_int
from nas.samplers.history import History, has_reward

Array = NDArray[np.float64]

# Metrics that rank the candidates of a search, each with the sign that makes it a loss.
METRICS = {"accuracy": -1.0, "relative_step_time": 1.0, "num_params": 1.0}


class Member(NamedTuple):
    """A trial of the population.

    Attributes:
        trial: The trial.
        losses: Objectives that rank it, all to be minimized.
        order: Sort key of the selection: the index of its front, of which 0 is the best, then
            minus its crowding distance.
    """

    trial: FrozenTrial
    losses: tuple[float, ...]
    order: tuple[int, float]


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
        members = self._members
        if not has_reward(trial) or any(trial.params == each.trial.params for each in members):
            return
        trials = [*(member.trial for member in members), trial]
        losses = [*(member.losses for member in members), losses_of(trial, study.directions)]
        points = np.array(losses)
        ranks = front_ranks(points)
        orders = zip(ranks.tolist(), (-crowding_distances(points, ranks)).tolist(), strict=True)
        members = [Member(*each) for each in zip(trials, losses, orders, strict=True)]
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
        if self._draws.random() < self._crossover:
            parents.append(self._parent(members).trial)
        child: dict[str, Any] = {}
        for name in search_space:
            if carriers := [parent for parent in parents if name in parent.params]:
                child[name] = self._draws.choice(carriers).params[name]
        open_names = [name for name in child if not search_space[name].single()]
        rate = 1 / max(1, len(child)) if self._mutation is None else self._mutation
        for name in open_names:
            if self._draws.random() < rate:
                child[name] = self._other(child[name], name, search_space[name], study, trial)
        if open_names and any(child == parent.params for parent in parents):
            name = self._draws.choice(open_names)
            child[name] = self._other(child[name], name, search_space[name], study, trial)
        return child

    def _parent(self, members: list[Member]) -> Member:
        """Return the winner of a binary tournament."""
        return min(self._draws.sample(members, 2), key=lambda member: member.order)


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


def front_ranks(points: Array) -> NDArray[np.int64]:
    """Return the front of each point, [N]; front 0 holds the points that nothing dominates.

    A point dominates another if it is nowhere larger and somewhere smaller.

    Source: non-dominated sorting, Deb et al., NSGA-II (2002), section III.A.

    Args:
        points: M objectives of N points, [N, M]; infinite values are allowed.
    """
    no_larger = np.all(points[:, None] <= points[None], axis=2)
    dominates: NDArray[np.bool_] = no_larger & np.any(points[:, None] < points[None], axis=2)
    ranks = np.full(len(points), -1, dtype=np.int64)
    rank = 0
    while (left := ranks < 0).any():
        ranks[left & ~dominates[left].any(axis=0)] = rank
        rank += 1
    return ranks


def crowding_distances(points: Array, ranks: NDArray[np.int64]) -> Array:
    """Return the crowding distance of each point within its front, [N]; infinite at the ends.

    It is half the perimeter of the box that the neighbours in the front span, each objective in
    units of its range in the front.

    Source: Deb et al., NSGA-II (2002), section III.B.

    Args:
        points: M objectives of N points, [N, M]; infinite values are allowed.
        ranks: Front of each point, [N], as `front_ranks` returns them.
    """
    distances = np.zeros(len(points))
    for rank in range(int(ranks.max()) + 1 if len(ranks) else 0):
        (members,) = np.nonzero(ranks == rank)
        for values in points[members].T:
            order = np.argsort(values, kind="stable")
            low, high = values[order[0]], values[order[-1]]
            distances[members[order[[0, -1]]]] = np.inf
            if low < high < np.inf:
                gaps = (values[order[2:]] - values[order[:-2]]) / (high - low)
                distances[members[order[1:-1]]] += gaps
    return distances
