"""A trial as the controller sees it: one decision after the other, with how likely each was."""

from dataclasses import dataclass
from typing import TypeGuard

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
