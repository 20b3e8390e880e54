"""Finished Optuna trials and settings of the controller for tests of samplers."""

from typing import Any

from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, create_trial

from nas.samplers.controller.settings import PpoSettings


def binary_trial(choices: dict[str, int], value: float, **attrs: Any) -> FrozenTrial:
    """Return a complete trial whose decisions have the options 0 and 1."""
    return create_trial(
        params=choices,
        distributions={name: CategoricalDistribution((0, 1)) for name in choices},
        value=value,
        **attrs,
    )


def ppo_settings(**changes: Any) -> PpoSettings:
    """Return settings of a small controller, with `changes`."""
    values = {"hidden": 8, "learning_rate": 0.01, "batch": 10, "epochs": 3}
    values |= {"clip": 0.2, "entropy": 0.0, "baseline_decay": 0.95}
    return PpoSettings(**(values | changes))
