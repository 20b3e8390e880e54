"""Proxy check: trainings by the workers of the search, result files."""

import hashlib
import json
from pathlib import Path
from signal import Signals

import pandas as pd
from rich.console import Console

from nas.costs.extremes import require_satisfiable
from nas.dispatch.job_queue import JobObserver
from nas.dispatch.result_files import ResultFiles, damage_notes
from nas.evaluation.evaluator import EvaluatorFactory
from nas.execution.ray_actors import run_with_actors
from nas.finalists.training_queue import TrainingNotes, TrainingQueue, missing_trainings
from nas.proxy_check.plan import CheckPlan, ProxyCheck, judge_check, plan_check
from nas.report import tables
from nas.run_folder.opening import CHECK as FOLDER
from nas.run_folder.opening import PRECISION, run_settings
from nas.session import cost_predictor, session_limits
from nas.settings.config import SearchConfig
from search_space.atomic_file import write_atomic
from search_space.command_line.command import print_lines
from search_space.command_line.progress_line import clock
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
    count: int,
    long_epochs: int | None,
    console: Console,
) -> Signals | None:
    """Do the missing trainings of a check, then write and print its result.

    The trainings are kept in ``proxy_check/`` of the run's folder, together with the settings
    that they depend on. They are repeated if one of these settings changes. The search that
    follows may have any settings. The run's folder is made if it does not exist.

    Args:
        config: Settings of the search that follows.
        folder: The run's folder.
        images: The decoded images of ``config.data``.
        count: As in `plan_check`.
        long_epochs: As in `plan_check`.
        console: Where progress and result are printed.

    Returns:
        The signal that stopped the trainings, if one did; finished ones are kept.

    Raises:
        ValueError: If the settings do not allow a check, or one of its files is damaged.
        OSError: If the folder cannot be written.
    """
    space = SearchSpace.load(config.space)
    predictor = cost_predictor(config, space, images.num_classes)
    require_satisfiable(predictor)
    plan = plan_check(config, space, count=count, long_epochs=long_epochs, constraints=predictor)
    home = folder / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    write_atomic(home / PRECISION, config.proxy.precision)  # for the search that follows
    results = ResultFiles(folder=home.resolve(), run_id=_settings_id(config, space, images))
    print_lines(console, *damage_notes(results.set_aside_damaged()))
    factory = EvaluatorFactory(config=config, images=images.path, predictor=predictor)
    if stopped := _train(plan, factory, results, console):
        return stopped
    outcomes = {one.file_stem: results.find(one) for one in plan.trainings}
    check = judge_check(plan, outcomes, config)
    files = write_check(folder, check, plan, config)
    console.print(check_table(check))
    print_lines(console, *map(str, files), *check_lines(check, config))
    return None


def write_check(
    folder: Path, check: ProxyCheck, plan: CheckPlan, config: SearchConfig
) -> tuple[Path, ...]:
    """Write ``proxy_check.json`` and ``proxy_check.csv``, one row per candidate."""
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
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    return (
        write_atomic(folder / "proxy_check.json", text),
        write_atomic(folder / "proxy_check.csv", check.table.to_csv(index=False)),
    )


class _ConsoleNotes(JobObserver):
    """Prints notes."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, line: str) -> None:
        print_lines(self._console, line)


def _train(
    plan: CheckPlan, factory: EvaluatorFactory, results: ResultFiles, console: Console
) -> Signals | None:
    """Do the missing trainings; return the signal that stopped them, if one did."""
    config, missing = factory.config, missing_trainings(plan.trainings, results)
    if not missing:
        return None
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
            workers=config.workers, gpus_per_worker=config.gpus_per_worker, address=config.address
        ) as session,
    ):
        if stop.requested():
            return stop.signal
        return run_with_actors(queue, session, factory)


def _settings_id(config: SearchConfig, space: SearchSpace, images: CachedImages) -> str:
    """Return a digest of the settings that the trainings depend on."""
    relevant = {
        name: value
        for name, value in run_settings(config, space, images).items()
        if name not in ("w", "v") and not name.startswith(IRRELEVANT)
    }
    return hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()[:32]


def check_lines(check: ProxyCheck, config: SearchConfig) -> list[str]:
    """Return the result of a check, one sentence per line, the verdict first."""
    lines = [f"verdict: {check.verdict.message}"]
    if (found := check.statistics) is not None:
        lines += [
            f"rank correlation of a short training with the longer one: {found.rank_correlation}",
            "rank correlation of parameters alone with the longer one: "
            f"{found.rank_correlation_of_params}",
            f"accuracy by luck of the seed: standard deviation {100 * found.seed_std:.2f} points; "
            f"between candidates: {100 * found.candidate_std:.2f} points, "
            f"after the longer training {100 * found.long_std:.2f}",
        ]
    lines += [f"what would help: {suggestion}" for suggestion in check.verdict.suggestions]
    if check.search_seconds is not None and check.seconds_per_candidate is not None:
        each = f"{config.budget} candidates of {check.seconds_per_candidate:.0f} s"
        total = clock(check.search_seconds)
        lines.append(f"predicted for the search: {total} ({each} on {config.workers} workers)")
    return lines


def check_table(check: ProxyCheck) -> tables.FittingTable:
    """Return the candidates of a check with the accuracy of each training."""
    names = [str(name) for name in check.table.columns if str(name).startswith("accuracy_")]
    heads = [name.removeprefix("accuracy_").replace("_", " ") for name in names]
    rows = []
    for row in check.table.to_dict("records"):
        params = "" if pd.isna(row["num_params"]) else tables.count(int(row["num_params"]))
        shares = (row[name] for name in names)
        accuracies = ("failed" if pd.isna(one) else tables.percent(one) for one in shares)
        rows.append([str(row["number"]), params, *accuracies])
    title = f"{len(rows)} random candidates: accuracy by epochs and seed"
    return tables.table(title, ["candidate", "params", *heads], rows)
