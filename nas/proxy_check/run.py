"""The trainings of a proxy check, done by the workers of the search that is to follow."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from nas.costs.screening import PreTrainingFilter
from nas.dispatch.job_queue import JobObserver
from nas.dispatch.result_files import Results
from nas.evaluation.evaluator import EvaluatorFactory
from nas.execution.ray_actors import run_with_actors
from nas.finalists.training_queue import TrainingNotes, TrainingQueue, missing_trainings
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

# What settings begin with on which no training of a check depends; the exponents neither.
IRRELEVANT = ("budget", "sampler", "constraints", "start")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check leaves behind.

    Attributes:
        check: What it found, of what is known so far.
        files: What was written; none where it was stopped.
        stopped: Whether a signal stopped it; what is done is kept.
    """

    check: ProxyCheck
    files: tuple[Path, ...]
    stopped: bool


def run_proxy_check(
    config: SearchConfig,
    folder: Path,
    images: CachedImages,
    *,
    count: int = PROXY_CHECK_CANDIDATES,
    long_epochs: int | None = None,
    console: Console,
) -> CheckResult:
    """Train the candidates of a check, or what is missing of them, and judge.

    The trainings are kept in ``proxy_check/`` of the run's folder together with the settings
    they depend on: with others they are done anew, and the search that follows may have any.

    Args:
        config: Settings of the search that is to follow.
        folder: The run's folder, made if need be.
        images: The decoded images of ``config.data``.
        count: Random candidates.
        long_epochs: Of the longer training; None is four times the short one's.
        console: Where progress is shown.

    Raises:
        ValueError: If the settings do not allow a check, or a file of it is damaged.
        OSError: If the folder cannot be written.
    """
    space = SearchSpace.load(config.space)
    predictor = cost_predictor(config, space, images.num_classes)
    screen = PreTrainingFilter(config.constraints, predictor)
    plan = plan_check(config, space, count=count, long_epochs=long_epochs, screen=screen)
    home = folder / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    write_atomic(home / PRECISION, config.proxy.precision)  # not measured anew where it goes on
    run_id = _settings_id(config, space, images)
    results = Results(folder=home.resolve(), run_id=run_id)
    factory = EvaluatorFactory(config=config, space=space, images=images.path)
    stopped = _train(plan, factory, results, console)
    found = {one.file_stem: results.find(one) for one in plan.trainings}
    outcomes = {label: outcome for label, outcome in found.items() if outcome is not None}
    check = judge_check(plan, outcomes, config)
    files = () if stopped else write_check(folder, check, plan, config)
    return CheckResult(check=check, files=files, stopped=stopped)


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
    """Return a name of the settings that the trainings depend on."""
    settings: Mapping[str, object] = run_settings(config, space, images)
    relevant = {
        name: value
        for name, value in settings.items()
        if name not in ("w", "v") and not name.startswith(IRRELEVANT)
    }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:32]
