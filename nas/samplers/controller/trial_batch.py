"""Trials as sequences of actions, alone and as a padded batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

LOG_PROBS = "controller:log_probs"  # system attribute of a trial: decision -> log-probability


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """The choice of one decision's option.

    Attributes:
        decision: Name of the decision.
        num_options: Number of its options.
        option: Index of the chosen option.
        log_prob: Natural logarithm of the probability with which a policy drew the option; NaN
            if no policy drew it.
    """

    decision: str
    num_options: int
    option: int
    log_prob: float = np.nan


def actions_of(trial: FrozenTrial) -> tuple[Action, ...]:
    """Return a trial's actions in the order in which they were taken."""
    log_probs = trial.system_attrs.get(LOG_PROBS, {})
    return tuple(
        Action(
            decision=name,
            num_options=len(distribution.choices),
            option=int(distribution.to_internal_repr(trial.params[name])),
            log_prob=log_probs.get(name, np.nan),
        )
        for name, distribution in trial.distributions.items()
        if is_decision(distribution)
    )


def is_decision(distribution: BaseDistribution) -> TypeGuard[CategoricalDistribution]:
    """Return whether the policy decides: there are named options, and more than one."""
    return isinstance(distribution, CategoricalDistribution) and not distribution.single()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBatch:
    """B trials of at most T actions, time first, padded at their ends.

    V is the number of options of all decisions that occur in the batch.

    Attributes:
        columns: Decision -> its options among the V, in the order of appearance.
        inputs: Input of each step: 0 at the start, else 1 + the action before, [T, B].
        actions: Option among the V that each step chose; 0 in the padding, [T, B].
        log_probs: Log-probabilities with which the actions were drawn; NaN where no policy
            drew them and in the padding, [T, B].
        step_mask: True where there is an action, False in the padding, [T, B].
        invalid_options: True for the options of other decisions than the step's, [T, B, V];
            False in the padding.
    """

    columns: Mapping[str, slice]
    inputs: NDArray[np.int64]
    actions: NDArray[np.int64]
    log_probs: NDArray[np.float64]
    step_mask: NDArray[np.bool_]
    invalid_options: NDArray[np.bool_]

    def num_options(self, decision: str) -> int:
        """Return the number of options of a decision."""
        options = self.columns[decision]
        return int(options.stop - options.start)

    @classmethod
    def of(cls, trials: Sequence[Sequence[Action]]) -> "TrialBatch":
        """Return the batch of `trials`, each of which has at least one action."""
        sizes = {action.decision: action.num_options for trial in trials for action in trial}
        ends = np.cumsum(list(sizes.values())).tolist()
        columns = {
            name: slice(end - size, end)
            for (name, size), end in zip(sizes.items(), ends, strict=True)
        }
        shape = max(map(len, trials)), len(trials)
        inputs, actions = np.zeros((2, *shape), dtype=np.int64)
        log_probs, step_mask = np.full(shape, np.nan), np.zeros(shape, dtype=np.bool_)
        invalid_options = np.zeros((*shape, ends[-1]), dtype=np.bool_)
        for index, trial in enumerate(trials):
            for time, action in enumerate(trial):
                options = columns[action.decision]
                actions[time, index] = options.start + action.option
                log_probs[time, index] = action.log_prob
                invalid_options[time, index] = True
                invalid_options[time, index, options] = False
            step_mask[: len(trial), index] = True
            inputs[1 : len(trial), index] = actions[: len(trial) - 1, index] + 1
        return cls(
            columns=columns,
            inputs=inputs,
            actions=actions,
            log_probs=log_probs,
            step_mask=step_mask,
            invalid_options=invalid_options,
        )
