"""Base class of samplers that recompute their state from the trials; seeds; checks of options."""

import copy
import hashlib
import math
import random
from typing import Any, ClassVar, Self

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from search_space.checks import shown


class ReproducibleSampler(RandomSampler):
    """An Optuna sampler whose proposals are a function of the study's trials and of a seed.

    A subclass defines `_search_space` and `_sample`, or draws each decision in
    `sample_independent`. Decisions that `_sample` leaves out are drawn uniformly at random, as
    `RandomSampler` draws them. A subclass may cache what it computed from the trials; a sampler
    with an empty cache proposes the same. Copies made by `reseeded` share the cache.

    Attributes:
        name: Name of the sampler in `nas.samplers.make_sampler`.
        single_objective: Whether studies with several objectives are refused.
    """

    name: ClassVar[str]
    single_objective: ClassVar[bool] = True

    def __init__(self, seed: int | None) -> None:
        self._set_seed(seed)

    def reseeded(self, seed: int | None) -> Self:
        """Return a copy with its own random stream, which shares the cache."""
        twin = copy.copy(self)
        twin._set_seed(seed)
        return twin

    def reseed_rng(self) -> None:
        """Continue with a new random stream; Optuna calls it when processes share a sampler."""
        self._set_seed(None)

    def infer_relative_search_space(
        self,
        study: Study,
        trial: FrozenTrial,  # noqa: ARG002 (Optuna's signature)
    ) -> dict[str, BaseDistribution]:
        """Return the decisions that `sample_relative` chooses jointly.

        Raises:
            ValueError: If the study has several objectives and the sampler handles only one.
        """
        if self.single_objective and len(study.directions) != 1:
            raise ValueError(
                f"{self.name}'s study must have one objective, got {len(study.directions)}"
            )
        return self._search_space(study)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the chosen value of each active decision of `search_space`."""
        return self._sample(study, trial, search_space) if search_space else {}

    def _set_seed(self, seed: int | None) -> None:
        """Start all random streams again; None gives a different stream every time."""
        RandomSampler.__init__(self, seed)
        self._draws = random.Random(seed)

    def _search_space(self, study: Study) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Return the decisions to choose jointly; empty if there is nothing to learn from."""
        return {}

    def _sample(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return a value for each active decision of a search space that is not empty."""
        raise NotImplementedError

    def _other(
        self, old: Any, name: str, distribution: BaseDistribution, study: Study, trial: FrozenTrial
    ) -> Any:
        """Return a random option other than `old`; any value in the range of a number."""
        if isinstance(distribution, CategoricalDistribution):
            return self._draws.choice([option for option in distribution.choices if option != old])
        return super().sample_independent(study, trial, name, distribution)


def named_seed(seed: int, name: str | int) -> int:
    """Return the seed in [0, 2**32) of the independent random stream `name`.

    A resumed search draws the same numbers, because the name of a proposal's stream is its number.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def check_int(option: str, value: object, minimum: int) -> None:
    """Raise ValueError unless `value` is an integer >= `minimum`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(f"{option} must be a whole number >= {minimum}, got {shown(value)}")


def check_float(
    option: str, value: object, low: float, high: float = math.inf, *, ends: str = "[]"
) -> None:
    """Raise ValueError unless `value` is a finite number between `low` and `high`.

    Args:
        option: Name in the message.
        value: Value to check.
        low: Lower end.
        high: Upper end.
        ends: "[" or "(" and "]" or ")": whether each end is included or not.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{option} must be a number, got {shown(value)}")
    above = value >= low if ends[0] == "[" else value > low
    below = value <= high if ends[1] == "]" else value < high
    if not (above and below):
        sign = ">=" if ends[0] == "[" else ">"
        wanted = f"in {ends[0]}{low}, {high}{ends[1]}" if high < math.inf else f"{sign} {low}"
        raise ValueError(f"{option} must be {wanted}, got {shown(value)}")
