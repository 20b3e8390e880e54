"""Finished Optuna trials and small policies of the controller for tests of samplers."""

from typing import Any

from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, create_trial

from nas.samplers.controller.policy import Policy


def binary_trial(choices: dict[str, int], value: float, **attrs: Any) -> FrozenTrial:
    """Return a complete trial whose decisions have the options 0 and 1."""
    return create_trial(
        params=choices,
        distributions={name: CategoricalDistribution((0, 1)) for name in choices},
        value=value,
        **attrs,
    )


def small_policy(*, seed: int, epochs: int = 3) -> Policy:
    """Return a policy without an entropy term that has no decisions yet."""
    return Policy(seed=seed, hidden=8, learning_rate=0.01, epochs=epochs, clip=0.2, entropy=0.0)
