"""A batch of trials in the arrays that the controller's network computes with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

LOG_PROBS = "controller:log_probs"  # a trial's system attribute: decision -> log-probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One decision that was made.

    Attributes:
        name: Of the decision.
        num_options: How many there are.
        chosen: Index of the option.
        log_prob: Natural logarithm of the probability it was drawn with; None if no policy
            drew it.
    """

    name: str
    num_options: int
    chosen: int
    log_prob: float | None = None


def steps_of(trial: FrozenTrial) -> tuple[Step, ...]:
    """Return a trial's decisions in the order in which they were made."""
    drawn = trial.system_attrs.get(LOG_PROBS, {})
    return tuple(
        Step(
            name=name,
            num_options=len(distribution.choices),
            chosen=int(distribution.to_internal_repr(trial.params[name])),
            log_prob=drawn.get(name),
        )
        for name, distribution in trial.distributions.items()
        if is_decision(distribution)
    )


def is_decision(distribution: BaseDistribution) -> TypeGuard[CategoricalDistribution]:
    """Whether the policy makes this choice: it has named options, and more than one."""
    return isinstance(distribution, CategoricalDistribution) and not distribution.single()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """Trials side by side, time first: T steps of B trials, padded at their ends.

    V counts the options of all decisions that occur. Everything depends on the trials alone, so
    that equal batches make equal sums, to the last bit.

    Attributes:
        columns: Decision -> its options among the V, in the order of appearance.
        heard: What each step hears: 0 for the start, else 1 + the last choice, [T, B].
        chosen: What each step chose among the V; 0 where there is no step, [T, B].
        made: Whether there is a step, [T, B].
        foreign: Whether an option is none of the step's decision, [T, B, V].
    """

    columns: Mapping[str, slice]
    heard: NDArray[np.int64]
    chosen: NDArray[np.int64]
    made: NDArray[np.bool_]
    foreign: NDArray[np.bool_]

    @classmethod
    def of(cls, batch: Sequence[Sequence[Step]]) -> "Lesson":
        """Arrange `batch`; no trial in it may be empty."""
        columns, width = {}, 0
        for step in (step for steps in batch for step in steps):
            if step.name not in columns:
                columns[step.name] = slice(width, width + step.num_options)
                width += step.num_options
        shape = max(map(len, batch)), len(batch)
        heard, chosen = np.zeros((2, *shape), dtype=np.int64)
        made, foreign = np.zeros(shape, dtype=np.bool_), np.zeros((*shape, width), dtype=np.bool_)
        for trial, steps in enumerate(batch):
            for time, step in enumerate(steps):
                chosen[time, trial] = columns[step.name].start + step.chosen
                foreign[time, trial] = True
                foreign[time, trial, columns[step.name]] = False
            made[: len(steps), trial] = True
            heard[1 : len(steps), trial] = chosen[: len(steps) - 1, trial] + 1
        return cls(columns=columns, heard=heard, chosen=chosen, made=made, foreign=foreign)
