"""The actions of a trial: one for each decision that the policy makes."""

import math
from dataclasses import dataclass
from typing import TypeGuard

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
    log_prob: float = math.nan


def actions_of(trial: FrozenTrial) -> tuple[Action, ...]:
    """Return a trial's actions in the order in which they were taken."""
    log_probs = trial.system_attrs.get(LOG_PROBS, {})
    return tuple(
        Action(
            decision=name,
            num_options=len(distribution.choices),
            option=int(distribution.to_internal_repr(trial.params[name])),
            log_prob=log_probs.get(name, math.nan),
        )
        for name, distribution in trial.distributions.items()
        if is_decision(distribution)
    )


def is_decision(distribution: BaseDistribution) -> TypeGuard[CategoricalDistribution]:
    """Return whether the policy decides: there are named options, and more than one."""
    return isinstance(distribution, CategoricalDistribution) and not distribution.single()
