"""Proxy check: trainings by the workers of the search, result files."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from nas.costs.screening import PreTrainingFilter
from nas.dispatch.job_queue import JobObserver
from nas.dispatch.result_files import Results
from nas.evaluation.evaluator import EvaluatorFactory
from nas.execution.ray_actors import run_with_actors
from nas.finalists.training_queue import TrainingNotes, TrainingQueue, missing_trainings
from nas.proxy_check.console import show_check
from nas.proxy_check.plan import CheckPlan, ProxyCheck, judge_check, plan_check
from nas.run_folder.identity import CHECK as FOLDER
from nas.run_folder.identity import PRECISION, run_settings
from nas.session import cost_predictor, session_limits
from nas.settings.config import PROXY_CHECK_CANDIDATES, SearchConfig
from search_space.atomic_file import write_atomic
from search_space.space import SearchSpace
from trainer.cluster.ray_session import ray_session
from trainer.data.cache.images import CachedImages
from trainer.stop_signals import stop_signals

SCHEMA = "nas.proxy_check/1"

# Prefixes of the settings on which no training of a check depends. The reward's exponents w and v
# are the others.
IRRELEVANT = ("budget", "sampler", "constraints", "start")


def check_proxy(
    config: SearchConfig,
    folder: Path,
    images: CachedImages,
    *,
    count: int = PROXY_CHECK_CANDIDATES,
    long_epochs: int | None = None,
    console: Console,
) -> bool:
    """Do the missing trainings of a check, then write and print its result.

    The trainings are kept in ``proxy_check/`` of the run's folder, together with the settings
    that they depend on. They are repeated if one of these settings changes. The search that
    follows may have any settings.

    Args:
        config: Settings of the search that follows.
        folder: The run's folder, made if it does not exist.
        images: The decoded images of ``config.data``.
        count: Number of random candidates.
        long_epochs: Epochs of the longer training; None is four times those of the short one.
        console: Where progress and result are printed.

    Returns:
        Whether a signal stopped the trainings; finished ones are kept.

    Raises:
        ValueError: If the settings do not allow a check, or one of its files is damaged.
        OSError: If the folder cannot be written.
    """
    space = SearchSpace.load(config.space)
    predictor = cost_predictor(config, space, images.num_classes)
    screen = PreTrainingFilter(config.constraints, predictor)
    plan = plan_check(config, space, count=count, long_epochs=long_epochs, screen=screen)
    home = folder / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    write_atomic(home / PRECISION, config.proxy.precision)  # for the search that follows
    results = Results(folder=home.resolve(), run_id=_settings_id(config, space, images))
    factory = EvaluatorFactory(config=config, space=space, images=images.path)
    if _train(plan, factory, results, console):
        return True
    found = {one.file_stem: results.find(one) for one in plan.trainings}
    outcomes = {stem: outcome for stem, outcome in found.items() if outcome is not None}
    check = judge_check(plan, outcomes, config)
    show_check(check, write_check(folder, check, plan, config), config, console)
    return False


def write_check(
    folder: Path, check: ProxyCheck, plan: CheckPlan, config: SearchConfig
) -> tuple[Path, ...]:
    """Write ``proxy_check.json`` and ``proxy_check.csv``, one row a candidate."""
    content = {
        "schema": SCHEMA,
        "settings": config.identity(),
        "epochs": plan.epochs,
        "seeds": list(plan.seeds),
        "long_epochs": plan.long_epochs,
        "long_seed": plan.long_seed,
        "figures": check.statistics.to_dict() if check.statistics else None,
        "worth_it": check.verdict.is_worthwhile,
        "verdict": check.verdict.message,
        "mends": list(check.verdict.suggestions),
        "seconds_per_candidate": check.seconds_per_candidate,
        "predicted_search": {
            "budget": config.budget,
            "workers": config.workers,
            "seconds": check.search_seconds,
        },
        "candidates": json.loads(str(check.table.to_json(orient="records"))),
    }
    told, table = folder / "proxy_check.json", folder / "proxy_check.csv"
    write_atomic(told, json.dumps(content, indent=2, allow_nan=False) + "\n")
    write_atomic(table, check.table.to_csv(index=False))
    return told, table


class _ConsoleNotes(JobObserver):
    """Prints notes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, line: str) -> None:
        self._console.print(line, highlight=False, soft_wrap=True)


def _train(plan: CheckPlan, factory: EvaluatorFactory, results: Results, console: Console) -> bool:
    """Do the missing trainings; return whether a signal stopped them."""
    config, missing = factory.config, missing_trainings(plan.trainings, results)
    if not missing:
        return False
    limits = session_limits(config, ())
    notes = TrainingNotes(_ConsoleNotes(console), total=len(plan.trainings), missing=len(missing))
    queue = TrainingQueue(
        plan.trainings,
        results,
        limits=limits,
        timeout_s=limits.timeout.limit_s(()) * plan.long_epochs / plan.epochs,
        observer=notes,
    )
    with (
        stop_signals() as stop,
        ray_session(
            workers=config.workers,
            gpus_per_worker=config.gpus_per_worker,
            address=config.address,
        ) as session,
    ):
        if stop.requested():
            return True
        return run_with_actors(queue, session, factory) is not None


def _settings_id(config: SearchConfig, space: SearchSpace, images: CachedImages) -> str:
    """Return a digest of the settings that the trainings depend on."""
    settings: Mapping[str, object] = run_settings(config, space, images)
    relevant = {
        name: value
        for name, value in settings.items()
        if name not in ("w", "v") and not name.startswith(IRRELEVANT)
    }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:32]
