"""A check of the short training: which candidates are trained how, and what that tells."""

import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import pandas as pd

from nas.candidate import Candidate, Outcome, State
from nas.engine.choice_space import Screen
from nas.engine.job import Training
from nas.proxy_check.verdict import Checked, ProxyFigures, Verdict, judge_proxy, proxy_figures
from nas.settings.config import PROXY_CHECK_EPOCHS_FACTOR, SearchConfig
from search_space.space import SearchSpace

NUM_SHORT_SEEDS = 2
MOST_DRAWS = 10_000  # of random candidates, before the constraints are taken to leave too few


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlan:
    """Which candidates are trained, and how.

    Attributes:
        candidates: Random ones, all different; more of them begin with the same ones.
        seeds: Of the short trainings.
        epochs: Of the short trainings, the search's own.
        long_seed: Of the longer training: another one, so that no luck is shared.
        long_epochs: Of the longer training.
    """

    candidates: tuple[Candidate, ...]
    seeds: tuple[int, ...]
    epochs: int
    long_seed: int
    long_epochs: int

    def short(self, candidate: Candidate) -> tuple[Training, ...]:
        """Return a candidate's short trainings."""
        return tuple(Training.of(candidate, seed=seed, epochs=self.epochs) for seed in self.seeds)

    def long(self, candidate: Candidate) -> Training:
        """Return a candidate's longer training."""
        return Training.of(candidate, seed=self.long_seed, epochs=self.long_epochs)

    @property
    def trainings(self) -> tuple[Training, ...]:
        """All trainings, the longest first, so that no worker ends up waiting for one."""
        long = [self.long(candidate) for candidate in self.candidates]
        short = [one for candidate in self.candidates for one in self.short(candidate)]
        return (*long, *short)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyCheck:
    """What a check found.

    Attributes:
        figures: None where too few candidates were trained to the end.
        verdict: What to make of them.
        table: One row a candidate.
        seconds_per_candidate: Mean wall seconds of a short training with its timing, or None.
        search_seconds: What the whole search would take with these settings, or None.
    """

    figures: ProxyFigures | None
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
    screen: Screen,
) -> CheckPlan:
    """Draw the candidates and lay down their trainings.

    Args:
        config: Settings of the search that is to follow.
        space: Where the candidates come from.
        count: How many; the whole space where it has fewer.
        long_epochs: Of the longer training; None is four times the short one's.
        screen: Finds constraints that a candidate violates before training.

    Raises:
        ValueError: If the longer training is not longer, or the constraints leave too few.
    """
    epochs = config.proxy.epochs
    longer = PROXY_CHECK_EPOCHS_FACTOR * epochs if long_epochs is None else long_epochs
    if longer <= epochs:
        raise ValueError(f"--proxy-check-epochs must be more than --epochs {epochs}, got {longer}")
    rng, found = random.Random(f"proxy check/{config.seed}"), dict[str, Candidate]()
    for _ in range(MOST_DRAWS):
        if len(found) == min(count, space.size()):
            break
        choices = space.sample(rng)
        key = space.key(choices)
        if key not in found and not screen.violation(choices):
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
    plan: CheckPlan, outcomes: Mapping[str, Outcome], config: SearchConfig
) -> ProxyCheck:
    """Judge what is known.

    Args:
        plan: What was to be trained.
        outcomes: Label of a training -> how it ended.
        config: Settings of the search that is to follow; its cost is predicted.
    """
    checked: list[Checked] = []
    rows: list[dict[str, Any]] = []
    seconds: list[float] = []
    for candidate in plan.candidates:
        short = [outcomes.get(one.file_stem) for one in plan.short(candidate)]
        long = outcomes.get(plan.long(candidate).file_stem)
        rows.append(_row(candidate, plan, short, long))
        seconds += [one.seconds for one in short if _is_trained(one)]
        if all(map(_is_trained, (*short, long))):
            checked.append(_checked(short, long))
    figures = proxy_figures(checked)
    mean = statistics.fmean(seconds) if seconds else None
    return ProxyCheck(
        figures=figures,
        verdict=judge_proxy(figures),
        table=pd.DataFrame(rows),
        seconds_per_candidate=mean,
        search_seconds=None if mean is None else mean * config.budget / config.workers,
    )


def _is_trained(outcome: Outcome | None) -> TypeGuard[Outcome]:
    return outcome is not None and outcome.state is State.COMPLETE


def _checked(short: Sequence[Outcome | None], long: Outcome | None) -> Checked:
    trained = [one for one in short if one is not None]
    first = trained[0]
    assert long is not None
    return Checked(
        num_params=first.costs.num_params,
        short=tuple(one.training.accuracy for one in trained),
        long=long.training.accuracy,
        at_chance=first.training.at_chance,
        held_out_images=first.training.held_out_images,
    )


def _row(
    candidate: Candidate,
    plan: CheckPlan,
    short: Sequence[Outcome | None],
    long: Outcome | None,
) -> dict[str, Any]:
    ends = (*short, long)
    known = next((one for one in ends if _is_trained(one)), None)
    accuracies = [one.training.accuracy if _is_trained(one) else None for one in ends]
    names = [f"accuracy_{plan.epochs}_epochs_seed_{seed}" for seed in plan.seeds]
    names.append(f"accuracy_{plan.long_epochs}_epochs_seed_{plan.long_seed}")
    return {
        "number": candidate.number,
        "key": candidate.key,
        "num_params": known.costs.num_params if known else None,
        "relative_step_time": known.costs.relative_step_time if known else None,
        **dict(zip(names, accuracies, strict=True)),
        "at_chance": known.training.at_chance if known else None,
        "reason": "; ".join(sorted({one.reason for one in ends if one and one.reason})),
        **candidate.choices,
    }
