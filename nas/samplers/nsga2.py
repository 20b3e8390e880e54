"""NSGA-II as an Optuna sampler whose population is recomputed from the trials."""

import copy
import random
import threading
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial

from nas.candidate import State
from nas.samplers.history import History
from nas.samplers.nondominated import crowding_distances, front_ranks

# What a search's candidates are ranked by, and the sign that makes less of it better.
METRICS = {"accuracy": -1.0, "relative_step_time": 1.0, "num_params": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A trial of the population.

    Attributes:
        trial: The trial.
        losses: What it is ranked by, all to be minimised.
        rank: Its front, 0 the best.
        room: Its crowding distance.
    """

    trial: FrozenTrial
    losses: tuple[float, ...]
    rank: int = 0
    room: float = 0.0


class Population:
    """The best `size` of a study's trials by front and crowding, kept up to date.

    Each complete trial joins and the worst goes, in the order of completion, so the population
    is a function of the trials. Of equal choices the first alone has a place.

    Source: steady-state NSGA-II, Durillo et al., On the Effect of the Steady-State Selection
        Scheme in Multi-Objective Genetic Algorithms (EMO 2009).
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._history = History()
        self._lock = threading.Lock()
        self._version, self._taken = -1, 0
        self._members: list[Member] = []

    def members(self, study: Study) -> list[Member]:
        """Return the population after all complete trials; the list is not changed later."""
        with self._lock:
            trials = self._history.look(study)
            if self._version != self._history.version:
                self._version, self._taken, self._members = self._history.version, 0, []
            for trial in trials[self._taken :]:
                self._join(trial, study.directions)
            self._taken = len(trials)
            return self._members

    def _join(self, trial: FrozenTrial, directions: list[StudyDirection]) -> None:
        if trial.user_attrs.get("state", State.COMPLETE) != State.COMPLETE:
            return
        if any(member.trial.params == trial.params for member in self._members):
            return
        crowd = [*self._members, Member(trial=trial, losses=losses_of(trial, directions))]
        points = np.array([member.losses for member in crowd])
        ranks = front_ranks(points)
        rooms = crowding_distances(points, ranks)
        crowd = [
            Member(trial=member.trial, losses=member.losses, rank=int(rank), room=float(room))
            for member, rank, room in zip(crowd, ranks, rooms, strict=True)
        ]
        if len(crowd) > self._size:
            crowd.remove(max(crowd, key=lambda member: (member.rank, -member.room)))
        self._members = crowd


class Nsga2Sampler(BaseSampler):
    """The front of accuracy, relative step time and parameters, by crossover and mutation.

    In a search the trials are ranked by these three, whatever the exponents of the reward; in a
    study of the user's own by the study's objectives, one or several. Two parents are the
    better of two living each, by front and then by crowding; a child takes each decision from
    one of them and changes a few. A decision that only the change makes active is drawn at
    random, and so is everything until the first population is there. Failed trials have no
    place in it. Numbers are drawn anew where they mutate.

    Source: Deb et al., A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II (IEEE
        Transactions on Evolutionary Computation 6, 2002), in its steady-state form, which does
        not wait for a generation to end.
    """

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
            seed: Of all draws; None is different every time.
            population: Trials that live at once.
            crossover: Probability that a child has two parents.
            mutation: Probability that a decision changes; None is 1 / number of decisions. A
                child like one of its parents changes in one decision at least.

        Raises:
            ValueError: If an option is out of range.
        """
        if isinstance(population, bool) or not isinstance(population, int) or population < 2:
            raise ValueError(f"nsga2's population must be a whole number >= 2, got {population!r}")
        for name, value in (("crossover", crossover), ("mutation", mutation or 0.0)):
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not 0 <= value <= 1
            ):
                raise ValueError(f"nsga2's {name} must be in [0, 1], got {value!r}")
        self._crossover, self._mutation, self._size = crossover, mutation, population
        self._population = Population(population)
        self._rng, self._random = random.Random(seed), RandomSampler(seed=seed)

    def for_proposal(self, seed: int) -> Self:
        """Return the same sampler with random numbers of its own."""
        twin = copy.copy(self)
        twin._rng, twin._random = random.Random(seed), RandomSampler(seed=seed)
        return twin

    def reseed_rng(self) -> None:
        """Draw differently from here on; Optuna calls it where processes share a sampler."""
        self._rng.seed()
        self._random.reseed_rng()

    def infer_relative_search_space(
        self,
        study: Study,
        trial: FrozenTrial,  # noqa: ARG002 (Optuna's signature)
    ) -> dict[str, BaseDistribution]:
        """Return the decisions of the living; none until the first population is there."""
        living = self._population.members(study)
        if len(living) < self._size:
            return {}
        return {
            name: distribution
            for member in living
            for name, distribution in member.trial.distributions.items()
        }

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the choices of a child."""
        if not search_space:
            return {}
        living = self._population.members(study)
        parents = [self._parent(living).trial]
        if self._rng.random() < self._crossover:
            parents.append(self._parent(living).trial)
        child: dict[str, Any] = {}
        for name in search_space:
            if carriers := [parent for parent in parents if name in parent.params]:
                child[name] = self._rng.choice(carriers).params[name]
        self._mutate(study, trial, child, search_space)
        open_names = [name for name in child if not search_space[name].single()]
        if open_names and any(child == parent.params for parent in parents):
            name = self._rng.choice(open_names)
            child[name] = self._another(study, trial, name, child[name], search_space[name])
        return child

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Draw at random."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _parent(self, living: list[Member]) -> Member:
        """Return the better of two: the lower front, then the less crowded."""
        rivals = self._rng.sample(living, 2)
        return min(rivals, key=lambda member: (member.rank, -member.room))

    def _mutate(
        self,
        study: Study,
        trial: FrozenTrial,
        child: dict[str, Any],
        search_space: dict[str, BaseDistribution],
    ) -> None:
        rate = 1 / max(1, len(child)) if self._mutation is None else self._mutation
        for name, value in child.items():
            if not search_space[name].single() and self._rng.random() < rate:
                child[name] = self._another(study, trial, name, value, search_space[name])

    def _another(
        self, study: Study, trial: FrozenTrial, name: str, old: Any, distribution: BaseDistribution
    ) -> Any:
        if isinstance(distribution, CategoricalDistribution):
            return self._rng.choice([option for option in distribution.choices if option != old])
        return self._random.sample_independent(study, trial, name, distribution)


def losses_of(trial: FrozenTrial, directions: list[StudyDirection]) -> tuple[float, ...]:
    """Return what a trial is ranked by, all to be minimised.

    A trial of a search, which carries ``metrics``, has its accuracy, relative step time and
    parameters; what it lacks counts as infinitely bad, and its reward stands in for a missing
    accuracy. Any other trial has the study's objectives.
    """
    signs = [-1.0 if one is StudyDirection.MAXIMIZE else 1.0 for one in directions]
    values = tuple(sign * value for sign, value in zip(signs, trial.values, strict=True))
    metrics = trial.user_attrs.get("metrics")
    if metrics is None or len(directions) > 1:
        return values
    found = {name: sign * metrics[name] for name, sign in METRICS.items() if name in metrics}
    return tuple({**dict.fromkeys(METRICS, np.inf), "accuracy": values[0], **found}.values())
