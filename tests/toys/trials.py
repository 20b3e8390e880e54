"""Finished Optuna trials for tests of samplers."""

from typing import Any

from optuna.distributions import CategoricalDistribution
from optuna.trial import FrozenTrial, create_trial


def binary_trial(choices: dict[str, int], value: float, **attrs: Any) -> FrozenTrial:
    """Return a complete trial whose decisions have the options 0 and 1."""
    return create_trial(
        params=choices,
        distributions={name: CategoricalDistribution((0, 1)) for name in choices},
        value=value,
        **attrs,
    )
