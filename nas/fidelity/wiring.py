"""A search's parts by its fidelity: full trainings as ever, or rungs with their checkpoints."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from nas.candidate import Choices
from nas.engine.engine import Engine
from nas.engine.ledger import Ledger
from nas.engine.result_files import Evaluate
from nas.evaluation.evaluator import EvaluatorFactory
from nas.fidelity.checkpoints import RungCheckpoints
from nas.fidelity.engine import ProgressiveEngine
from nas.fidelity.evaluator import RungEvaluatorFactory
from nas.samplers import sampler_factory
from nas.samplers.surrogate.trial_reader import PenaltyForecast
from nas.settings.config import SearchConfig
from search_space.space import SearchSpace

CHECKPOINTS = "checkpoints"


def make_engine(
    config: SearchConfig,
    space: SearchSpace,
    ledger: Ledger,
    *,
    screen: Callable[[Choices], str] | None = None,
    first: Sequence[Choices] = (),
    forecast: PenaltyForecast | None = None,
) -> Engine:
    """Return the engine of a search, rebuilt from its ledger.

    Args:
        config: The search's settings.
        space: Gives the decisions.
        ledger: Of the run.
        screen: As `Engine` has it.
        first: As `Engine` has it.
        forecast: Tells samplers with a model what a candidate's costs do to its reward.

    Raises:
        ValueError: If the ledger is of another space, or damaged.
    """
    make: Callable[..., Engine] = Engine
    if config.fidelity == "progressive":
        make = partial(ProgressiveEngine, progressive=config.progressive)
    return make(
        space,
        sampler_factory(
            config.sampler, seed=config.seed, forecast=forecast, **config.sampler_options
        ),
        ledger,
        budget=config.budget,
        seed=config.seed,
        screen=screen,
        first=first,
    )


def make_evaluate_factory(factory: EvaluatorFactory, folder: Path) -> Callable[[], Evaluate]:
    """Return what makes a worker's evaluator.

    Args:
        factory: Makes one that trains candidates in full.
        folder: Of the run.

    Raises:
        OSError: If the folder of the checkpoints cannot be made.
    """
    if factory.config.fidelity == "full":
        return factory
    checkpoints = run_checkpoints(folder)
    checkpoints.folder.mkdir(exist_ok=True)
    checkpoints.remove_drafts()
    return RungEvaluatorFactory(base=factory, checkpoints=checkpoints)


def tidy_checkpoints(engine: Engine, folder: Path) -> None:
    """Remove the checkpoints that nobody can go on from any more."""
    if isinstance(engine, ProgressiveEngine):
        run_checkpoints(folder).tidy(engine.places_in_use())


def run_checkpoints(folder: Path) -> RungCheckpoints:
    """Return where the candidates of the run in `folder` rest between rungs."""
    return RungCheckpoints(folder=(folder / CHECKPOINTS).resolve())
