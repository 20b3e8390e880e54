"""Optuna samplers by name: what proposes the next candidate."""

import warnings
from collections.abc import Callable
from inspect import signature
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, RandomSampler

from nas.samplers.auto import AutoSampler
from nas.samplers.controller.sampler import ControllerSampler
from nas.samplers.evolution import EvolutionSampler
from nas.samplers.history import StudySampler
from nas.samplers.nsga2 import Nsga2Sampler
from nas.samplers.seeding import proposal_seed
from nas.samplers.surrogate.sampler import SurrogateSampler
from nas.samplers.surrogate.trial_reader import PenaltyForecast
from nas.samplers.tpe import RecentTpeSampler

_FORECAST = "forecast"  # an option that is no setting of a user: what costs are known


def sampler_names() -> tuple[str, ...]:
    """Return the names that `make_sampler` knows."""
    return tuple(_makers())


def make_sampler(name: str, *, seed: int, **options: Any) -> BaseSampler:
    """Make a sampler, for a study of the user's own or for one proposal of a search.

    Args:
        name: One of `sampler_names`.
        seed: Of its draws.
        options: The sampler's own, by keyword; none has to be given.

    Raises:
        ValueError: If the name or an option is unknown, or an option out of range.
    """
    makers = _makers()
    if name not in makers:
        raise ValueError(f"sampler must be one of {', '.join(makers)}, got {name!r}")
    known = [option for option in signature(makers[name]).parameters if option != "seed"]
    if unknown := sorted(set(options) - set(known)):
        takes = f"takes {', '.join(known)}" if known else "takes no options"
        raise ValueError(f"sampler {name} {takes}, got {', '.join(unknown)}")
    return makers[name](seed=seed, **options)


def sampler_factory(
    name: str, *, seed: int, forecast: PenaltyForecast | None = None, **options: Any
) -> Callable[[int], BaseSampler]:
    """Return what makes the sampler of each proposal from the proposal's number.

    A sampler that remembers nothing but the trials, and draws from a stream of its own for
    every proposal, goes on after a resume exactly as if nothing had happened.

    Args:
        name: As `make_sampler` has it.
        seed: Of the search.
        forecast: What is known of candidates' costs, for the samplers that can use it.
        options: As `make_sampler` has them.

    Raises:
        ValueError: As `make_sampler` does, and before the search rather than during it.
    """
    if forecast and _FORECAST in signature(_makers().get(name, _random)).parameters:
        make_sampler(name, seed=seed, **options)  # for its errors
        options = {**options, _FORECAST: forecast}
    sampler = make_sampler(name, seed=seed, **options)
    if isinstance(sampler, StudySampler):
        return lambda number: sampler.for_proposal(proposal_seed(seed, number))
    return lambda number: make_sampler(name, seed=proposal_seed(seed, number), **options)


def _makers() -> dict[str, Callable[..., BaseSampler]]:
    return {
        "random": _random,
        "tpe": _tpe,
        "evolution": EvolutionSampler,
        "controller": ControllerSampler,
        "nsga2": Nsga2Sampler,
        "surrogate": SurrogateSampler,
        "auto": AutoSampler,
    }


def _random(*, seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


def _tpe(*, seed: int, startup: int = 10, candidates: int = 24) -> BaseSampler:
    """Make Optuna's TPE with every option said, so that a new default changes no search.

    Groups keep the decisions of a removable stage out of the joint model of the others;
    the constant liar keeps parallel workers from all trying the same thing.
    """
    for name, value, lowest in (("startup", startup, 0), ("candidates", candidates, 1)):
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise ValueError(f"tpe's {name} must be a whole number >= {lowest}, got {value!r}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # `group` has been so since 2.8
        return RecentTpeSampler(
            seed=seed,
            n_startup_trials=startup,
            n_ei_candidates=candidates,
            multivariate=True,
            group=True,
            constant_liar=True,
        )
