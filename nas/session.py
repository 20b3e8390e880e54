"""Builders of the parts of a search: engine, evaluator factory, limits, mirror."""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from nas.candidate import Choices
from nas.costs.predictor import CostPredictor
from nas.dispatch.limits import Limits
from nas.engine.choice_space import ChoiceSpace
from nas.engine.engine import Engine
from nas.engine.events import Event, Opened
from nas.engine.ledger import Ledger
from nas.evaluation.evaluator import EvaluatorFactory, RungCheckpoints
from nas.evaluation.prediction_files import PredictionFiles
from nas.mirror.mirror import Mirror, NoMirror
from nas.mirror.url import password_mask, without_password
from nas.samplers import sampler_factory
from nas.settings.config import SearchConfig
from search_space.counted import counted
from search_space.space import SearchSpace
from trainer.step_table.table import StepTable

MIRROR_PATIENCE_S = 10.0  # at the end of a session, without any sign of progress


def cost_predictor(
    config: SearchConfig, space: SearchSpace, num_classes: int, table: StepTable | None = None
) -> CostPredictor:
    """Return the predictor of the costs that the search's constraints and reward use."""
    return CostPredictor(
        space,
        config.proxy,
        num_classes,
        table,
        constraints=config.constraints,
        w=config.w,
        v=config.v,
    )


def make_engine(
    config: SearchConfig, ledger: Ledger, predictor: CostPredictor, first: Sequence[Choices] = ()
) -> Engine:
    """Return the engine of a search, rebuilt from its ledger; see `Engine`.

    `predictor` has the space, applies the constraints, and predicts costs for samplers with a
    model.
    """
    return Engine(
        predictor.space,
        sampler_factory(
            config.sampler, seed=config.seed, predictor=predictor, **config.sampler_options
        ),
        ledger,
        budget=config.budget,
        seed=config.seed,
        constraints=predictor,
        first=first,
        rungs=len(config.training_rungs),
        eta=config.progressive.eta,
        pruning=config.pruning_rule,
    )


def make_evaluator_factory(
    config: SearchConfig,
    images: Path,
    folder: Path,
    predictor: CostPredictor,
    predictions: PredictionFiles | None = None,
) -> EvaluatorFactory:
    """Return the factory of the workers' evaluators; see `EvaluatorFactory`.

    With several rungs, the run's `folder` gets a folder of checkpoints.

    Raises:
        OSError: If the folder of the checkpoints cannot be made.
    """
    checkpoints = None
    if len(config.training_rungs) > 1:
        checkpoints = RungCheckpoints.of_run(folder)
        checkpoints.prepare()
    config = config.model_copy(update={"mirror": None})  # workers need no password
    return EvaluatorFactory(
        config=config,
        images=images,
        predictor=predictor,
        checkpoints=checkpoints,
        predictions=predictions,
    )


def session_limits(config: SearchConfig, history: Iterable[Event]) -> Limits:
    """Return the limits of this session; earlier sessions have used some of the time."""
    ends = math.inf
    if config.time_budget is not None:
        left = config.time_budget.seconds - spent_seconds(history)
        ends = time.monotonic() + left
    return Limits(
        timeout=config.candidate_timeout,
        max_failures=config.max_failures,
        max_concurrent=config.max_concurrent,
        ends=ends,
        worker_memory_bytes=config.worker_memory.num_bytes if config.worker_memory else None,
    )


def spent_seconds(history: Iterable[Event]) -> float:
    """Return the duration of earlier sessions, each from its opening to its last event.

    A clock that was set back between two events, as earlier versions could record it, does not
    count as negative time.
    """
    total, last = 0.0, math.inf
    for event in history:
        if not isinstance(event, Opened):
            total += max(0.0, event.time - last)
        last = event.time
    return total


def time_note(config: SearchConfig, limits: Limits, engine: Engine) -> str:
    """Return a note if the time budget ended the search early; else an empty string."""
    if not limits.time_is_up or engine.note or not engine.has_more:
        return ""
    tried = f"{engine.counts.finished} of {counted(config.budget, 'candidate')} tried"
    if engine.counts.charged >= config.budget:
        tried += ", but promotions to the next rung are left"
    return (
        f"ended before its budget: the time budget of {config.time_budget} is spent, with "
        f"{tried}; a larger --time-budget continues it"
    )


@contextmanager
def mirror_of(
    config: SearchConfig, folder: Path, run_id: str, space: ChoiceSpace
) -> Iterator[Mirror | NoMirror]:
    """Run the mirror that the settings ask for, until the block ends."""
    if config.mirror is None:
        yield NoMirror()
        return
    from nas.mirror.optuna_study import MirrorStudy  # here, because most searches have none

    open_study = partial(
        MirrorStudy, config.mirror, folder.resolve().name, run_id, tuple(space.decisions())
    )
    name, masked = without_password(config.mirror), password_mask(config.mirror)
    with Mirror(open_study, name=name, masked=masked) as mirror:
        yield mirror
