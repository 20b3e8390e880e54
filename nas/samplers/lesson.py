"""A batch of trials in the arrays that the controller's network computes with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.samplers.steps import Step


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
