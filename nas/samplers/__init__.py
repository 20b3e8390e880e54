"""Samplers that propose the candidates of a search, by name."""

from collections.abc import Callable
from inspect import signature
from typing import Any

from optuna.samplers import BaseSampler, RandomSampler

from nas.samplers.auto import AutoSampler
from nas.samplers.base import ReproducibleSampler, named_seed
from nas.samplers.controller.sampler import ControllerSampler
from nas.samplers.evolution import EvolutionSampler
from nas.samplers.nsga2 import Nsga2Sampler
from nas.samplers.surrogate.sampler import SurrogateSampler
from nas.samplers.surrogate.trial_reader import SupportsLogCostFactor
from nas.samplers.tpe import RecentTpeSampler
from search_space.checks import did_you_mean, shortened, shown

_SAMPLERS: dict[str, Callable[..., BaseSampler]] = {
    "random": RandomSampler,
    "tpe": RecentTpeSampler,
    "evolution": EvolutionSampler,
    "controller": ControllerSampler,
    "nsga2": Nsga2Sampler,
    "surrogate": SurrogateSampler,
    "auto": AutoSampler,
}
_PREDICTOR = "predictor"  # an argument of some samplers that is not a setting of the user


def sampler_names() -> tuple[str, ...]:
    """Return the names that `make_sampler` accepts."""
    return tuple(_SAMPLERS)


def make_sampler(name: str, /, *, seed: int, **options: Any) -> BaseSampler:
    """Make a sampler for an Optuna study or for one proposal of a search.

    Args:
        name: One of `sampler_names`.
        seed: Seed of all draws.
        options: Keyword arguments of the sampler; all have defaults.

    Raises:
        ValueError: If the name or an option is unknown, or an option is out of range.
    """
    if name not in _SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(_SAMPLERS)}, got {shown(name)}")
    known = [option for option in signature(_SAMPLERS[name]).parameters if option != "seed"]
    if unknown := sorted(set(options) - set(known)):
        takes = f"takes {', '.join(known)}" if known else "takes no options"
        nearest = did_you_mean(unknown[0], known)
        raise ValueError(f"sampler {name} {takes}, got {shortened(', '.join(unknown))}{nearest}")
    return _SAMPLERS[name](seed=seed, **options)


def sampler_factory(
    name: str, *, seed: int, predictor: SupportsLogCostFactor | None = None, **options: Any
) -> Callable[[int], BaseSampler]:
    """Return a function that makes the sampler of each proposal from the proposal's number.

    Every proposal has its own random stream, and a sampler's other state is a function of the
    trials. A resumed search therefore makes the proposals of an uninterrupted one.

    Args:
        name: As `make_sampler` takes it.
        seed: Seed of the search.
        predictor: Predicts the candidates' costs, for the samplers that can use it.
        options: As `make_sampler` takes them.

    Raises:
        ValueError: As `make_sampler`, before the search starts.
    """
    sampler = make_sampler(name, seed=seed, **options)
    if predictor and _PREDICTOR in signature(_SAMPLERS[name]).parameters:
        sampler = make_sampler(name, seed=seed, **options, predictor=predictor)
    if isinstance(sampler, ReproducibleSampler):
        return lambda number: sampler.reseeded(named_seed(seed, number))
    return lambda number: make_sampler(name, seed=named_seed(seed, number), **options)
