"""Check of the short training: candidates, their trainings, and the result."""

import random
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from nas.candidate import Candidate, Outcome, State
from nas.engine.choice_space import ConstraintCheck
from nas.engine.job import Training
from nas.proxy_check.verdict import ProxyStatistics, Verdict, judge_proxy, proxy_statistics
from nas.settings.config import PROXY_CHECK_EPOCHS_FACTOR, SearchConfig
from search_space.space import SearchSpace

NUM_SHORT_SEEDS = 2
MAX_DRAWS = 10_000  # of random candidates, after which the constraints exclude too many


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlan:
    """Trainings of a check.

    Attributes:
        candidates: Random candidates, all different; a larger check begins with the same ones.
        seeds: Seeds of the short trainings.
        epochs: Epochs of the short trainings, as in the search.
        long_seed: Seed of the longer training, which no short training has.
        long_epochs: Epochs of the longer training.
    """

    candidates: tuple[Candidate, ...]
    seeds: tuple[int, ...]
    epochs: int
    long_seed: int
    long_epochs: int

    def trainings_of(self, candidate: Candidate) -> tuple[Training, ...]:
        """Return the trainings of a candidate, the longer one last."""
        short = [Training.of(candidate, seed=seed, epochs=self.epochs) for seed in self.seeds]
        return *short, Training.of(candidate, seed=self.long_seed, epochs=self.long_epochs)

    @property
    def trainings(self) -> tuple[Training, ...]:
        """All trainings, the longest first, so that workers finish at about the same time."""
        every = (one for candidate in self.candidates for one in self.trainings_of(candidate))
        return tuple(sorted(every, key=lambda one: -one.epochs))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyCheck:
    """Result of a check.

    Attributes:
        statistics: None if too few candidates were trained to the end.
        verdict: The conclusion.
        table: One row a candidate.
        seconds_per_candidate: Mean wall seconds of a short training with its timing, or None.
        search_seconds: Predicted wall seconds of the whole search, or None.
    """

    statistics: ProxyStatistics | None
    verdict: Verdict
    table: pd.DataFrame
    seconds_per_candidate: float | None
    search_seconds: float | None


def plan_check(
    config: SearchConfig,
    space: SearchSpace,
    *,
    count: int,
    long_epochs: int | None,
    constraints: ConstraintCheck,
) -> CheckPlan:
    """Draw the candidates and plan their trainings.

    Args:
        config: Settings of the search that follows.
        space: Search space of the candidates.
        count: Number of candidates; the whole space if it is smaller.
        long_epochs: Epochs of the longer training; None is four times those of the short one.
        constraints: Finds the constraints that a candidate violates before training.

    Raises:
        ValueError: If the longer training is not longer, or the constraints leave too few
            candidates.
    """
    epochs = config.proxy.epochs
    longer = PROXY_CHECK_EPOCHS_FACTOR * epochs if long_epochs is None else long_epochs
    if longer <= epochs:
        raise ValueError(f"--proxy-check-epochs must be more than --epochs {epochs}, got {longer}")
    rng, found = random.Random(f"proxy check/{config.seed}"), dict[str, Candidate]()
    for _ in range(MAX_DRAWS):
        if len(found) == min(count, space.size()):
            break
        choices = space.sample(rng)
        key = space.key(choices)
        if key not in found and not constraints.violation(choices):
            found[key] = Candidate(number=len(found), choices=choices, key=key)
    else:
        raise ValueError(f"--proxy-check needs {count} candidates, the constraints leave few")
    return CheckPlan(
        candidates=tuple(found.values()),
        seeds=tuple(range(config.seed, config.seed + NUM_SHORT_SEEDS)),
        epochs=epochs,
        long_seed=config.seed + NUM_SHORT_SEEDS,
        long_epochs=longer,
    )


def judge_check(
    plan: CheckPlan, outcomes: Mapping[str, Outcome | None], config: SearchConfig
) -> ProxyCheck:
    """Return statistics and verdict of the trainings that are done.

    Args:
        plan: The trainings of the check.
        outcomes: `Training.file_stem` -> outcome; None, or no entry, for a missing training.
        config: Settings of the search that follows; its duration is predicted.
    """
    finished: list[list[Outcome]] = []
    rows: list[dict[str, Any]] = []
    seconds: list[float] = []
    for candidate in plan.candidates:
        trainings = plan.trainings_of(candidate)
        ends = [outcomes.get(one.file_stem) for one in trainings]
        results = [one if one and one.state is State.COMPLETE else None for one in ends]
        trained = [one for one in results if one]
        first = trained[0] if trained else None
        rows.append(
            {
                "number": candidate.number,
                "key": candidate.key,
                "num_params": first.costs.num_params if first else None,
                "relative_step_time": first.costs.relative_step_time if first else None,
                **{
                    f"accuracy_{one.epochs}_epochs_seed_{one.seed}": (
                        result.training.accuracy if result else None
                    )
                    for one, result in zip(trainings, results, strict=True)
                },
                "at_chance": first.training.at_chance if first else None,
                "reason": "; ".join(sorted({one.reason for one in ends if one and one.reason})),
                **candidate.choices,
            }
        )
        seconds += [one.seconds for one in results[:-1] if one]
        if len(trained) == len(trainings):
            finished.append(trained)
    found = proxy_statistics(finished)
    mean = statistics.fmean(seconds) if seconds else None
    return ProxyCheck(
        statistics=found,
        verdict=judge_proxy(found),
        table=pd.DataFrame(rows),
        seconds_per_candidate=mean,
        search_seconds=None if mean is None else mean * config.budget / config.workers,
    )
