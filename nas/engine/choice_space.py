"""Interfaces of a search's space and of its constraints before training."""

import random
from collections.abc import Sequence
from typing import Protocol

from nas.candidate import Choice, Choices


class Decision(Protocol):
    """One categorical decision, as `search_space.space.Decision` has it."""

    @property
    def name(self) -> str:
        """Name, unique in the space."""

    @property
    def options(self) -> Sequence[Choice]:
        """What may be chosen; at least one, all different."""

    @property
    def requires(self) -> str | None:
        """Name of an earlier decision that switches this one off by choosing 0, if any."""


class ChoiceSpace(Protocol):
    """A space as the engine and the samplers see it: `SearchSpace`, or a table of results."""

    def decisions(self) -> Sequence[Decision]:
        """Every decision; one that is required comes before those that require it."""

    def canonical(self, choices: Choices) -> dict[str, Choice]:
        """The choices without those that do not matter."""

    def key(self, choices: Choices) -> str:
        """A name that equal things, and only they, share."""

    def size(self) -> int:
        """Number of distinct things."""

    def sample(self, rng: random.Random) -> dict[str, Choice]:
        """Canonical choices of one thing, uniform over the distinct ones."""


class ConstraintCheck(Protocol):
    """Constraints before training, such as `nas.costs.predictor.CostPredictor`."""

    def violation(self, choices: Choices) -> str:
        """Return the violated constraints as one line, or an empty string."""
