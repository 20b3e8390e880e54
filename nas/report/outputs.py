"""Result files of a search: tables, report, Pareto front, winner, also by other exponents."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from nas.analysis.ranking import contenders, pareto_front, ranked
from nas.candidate import Record, State
from nas.engine.ledger import LEDGER, read_ledger
from nas.finalists.finalist_round import FinalistRound
from nas.finalists.finalists import Finalist, Finals, winner
from nas.finalists.predictions import read_predictions
from nas.report.figures import search_figure
from nas.report.frame.page import Section
from nas.report.search_page.page import write_report
from nas.report.search_page.search_run import SearchRun, search_run
from nas.report.suspects import suspects_section
from nas.report.tables import top_table
from nas.run_folder.files import RunFiles, trials_table
from nas.run_folder.opening import read_run
from search_space.architecture_file import BEST, save_architecture
from search_space.atomic_file import write_atomic
from search_space.command_line.command import print_lines
from search_space.figure import drawn
from trainer.environment import recorded_images

FRONT = "front"


def write_outputs(
    run: RunFiles, records: Sequence[Record], finals: Finals | None
) -> tuple[Path, ...]:
    """Write all result files of a search and return them, the most important first.

    If no candidate can win, an existing ``best.json`` is removed.

    Raises:
        OSError: If a file cannot be written.
    """
    best = winner(records, finals)
    if best is None:
        (run.folder / BEST).unlink(missing_ok=True)
        files = []
    else:  # before the report, which takes seconds for many candidates
        finalist = finals.winner.provenance() if finals and finals.winner else None
        files = [run.write_best(best, finalist)]
    return (
        *files,
        *write_finals(run.folder, finals),
        write_front(run, records),
        run.write_trials(records),
        write_report(search_run(run, records, finals, is_own=True), _more(run, records)),
    )


def rebuild_report(folder: Path, png: Path | None = None) -> tuple[Path, ...]:
    """Write ``report.html`` from the files of a run, and its figure into `png` if given.

    The run may be in progress: its ledger is read without locking it.

    Raises:
        ValueError: If the folder contains no run, or the run no trained candidate to draw.
        OSError: If a file cannot be read or written.
    """
    run = read_search(folder)
    if png is not None and png.suffix.lower() != ".png":
        raise ValueError(f"--png must name a file that ends in .png, got {str(png)!r}")
    report = write_report(run, _more(run.files, run.records))
    if png is None:
        return (report,)
    figure = search_figure(run.records, folder.name, winner=run.winner)
    return report, write_atomic(png, drawn(figure, "png"))


def read_search(folder: Path) -> SearchRun:
    """Return the search in `folder`, which may be in progress, as pages show it.

    Raises:
        ValueError: If the folder contains no run, or a file is damaged.
        OSError: If a file cannot be read.
    """
    run = read_run(folder)
    finals = FinalistRound.of_run(folder, run.files.config, run.run_id).finals(run.records)
    return search_run(run.files, run.records, finals, is_own=False)


def _more(run: RunFiles, records: Sequence[Record]) -> tuple[Section, ...]:
    """Return the sections of a search's page that are made from more than its candidates."""
    ledger = run.folder / LEDGER
    if not ledger.exists():
        return ()
    last = FinalistRound.of_run(run.folder, run.config, read_ledger(ledger).run_id)
    section = suspects_section(read_predictions(last, records), recorded_images(run.folder))
    return () if section is None else (section,)


def rerank(records: Sequence[Record], *, w: float, v: float) -> tuple[Record, ...]:
    """Return the candidates that can win, with the rewards of other exponents, best first.

    The metrics are those of the search, from one short training each: those of the finalists'
    further trainings would not be comparable.

    Args:
        records: Candidates of a search.
        w: Exponent of step time, <= 0.
        v: Exponent of parameters, <= 0.

    Raises:
        ValueError: If an exponent is above zero or not finite.
    """
    able = [record for record in records if record.can_win]
    return tuple(ranked([replace(r, outcome=r.outcome.with_reward(w=w, v=v)) for r in able]))


def show_reranked(folder: Path, w: float, v: float, console: Console) -> Path:
    """Rank the run in `folder` by the exponents of `rerank`, print the best, and write the winner.

    The ledger and ``best.json`` stay as they are; the winner is written to ``best-wW-vV.json``,
    whose path is returned.

    Raises:
        ValueError: If the folder contains no run, no candidate can win, or an exponent is out of
            range.
        OSError: If a file cannot be read or written.
    """
    run = read_run(folder)
    found = rerank(run.records, w=w, v=v)
    if not found:
        raise ValueError(f"{folder}: no candidate of this run was trained to more than chance")
    config = run.files.config
    reweighed = replace(run.files, config=config.model_copy(update={"w": w, "v": v}))
    file = reweighed.architecture_file(found[0])
    note = {"w": w, "v": v, "of_the_search": {"w": config.w, "v": config.v}}
    path = folder / f"best-w{w:g}-v{v:g}.json"
    save_architecture(path, replace(file, provenance={**file.provenance, "reweighed": note}))
    able = contenders(found)
    title = f"Top {min(5, len(able))} of {len(able)} for w = {w:g}, v = {v:g}"
    console.print(top_table(able, title=title))
    print_lines(console, str(path))
    if dropped := sum(record.outcome.state is State.DROPPED for record in run.records):
        reason = "dropped before training by the search's own exponents, and so not ranked"
        print_lines(console, f"{reason}: {dropped}")
    return path


def write_finals(folder: Path, finals: Finals | None) -> tuple[Path, ...]:
    """Write ``finalists.csv``, the best finalist first; without finalists, remove it."""
    path = folder / "finalists.csv"
    if finals is None:
        path.unlink(missing_ok=True)  # written with a smaller budget
        return ()
    rows = [
        _finalist_row(rank, one, is_winner=one is finals.winner)
        for rank, one in enumerate(finals.finalists, start=1)
    ]
    return (write_atomic(path, pd.DataFrame(rows).to_csv(index=False)),)


def write_front(run: RunFiles, records: Sequence[Record]) -> Path:
    """Write ``pareto.csv``, and ``front/KEY.json`` for each candidate of the Pareto front.

    The table has the rows of ``trials.csv``, the most accurate candidate first. The files are
    architecture files, which nas-scale and nas-train read; those of networks that have left the
    front are removed.
    """
    home, front = run.folder / FRONT, pareto_front(records)
    order = [record.candidate.number for record in front]
    table = trials_table(front, run.space).set_index("number", drop=False).loc[order]
    home.mkdir(exist_ok=True)
    files = {home / f"{record.candidate.key}.json": record for record in front}
    for file, record in files.items():
        save_architecture(file, run.architecture_file(record))
    for old in set(home.glob("*.json")) - files.keys():
        old.unlink(missing_ok=True)
    return write_atomic(run.folder / "pareto.csv", table.to_csv(index=False))


def _finalist_row(rank: int, one: Finalist, *, is_winner: bool) -> dict[str, Any]:
    before = one.record.outcome
    row: dict[str, Any] = {
        "rank": rank,
        "number": one.record.candidate.number,
        "key": one.record.candidate.key,
        "winner": is_winner,
        "rank_after_search": one.rank_after_search,
        "reward_after_search": before.reward,
        "accuracy_after_search": before.training.accuracy,
        "trainings": len(one.trained),
        "failed_trainings": one.failed,
        "epochs": one.trainings[0].epochs,
        "reward": one.reward,
    }
    if one.trained:
        retrained = one.with_retrained_metrics.outcome
        row |= {
            "accuracy_mean": retrained.training.accuracy,
            "accuracy_std": one.accuracy_std,
            "accuracy_min": min(one.accuracies),
            "accuracy_max": max(one.accuracies),
            "step_time_s": retrained.costs.step_time_s,
            "relative_step_time": retrained.costs.relative_step_time,
            "num_params": before.costs.num_params,
            "at_chance": one.at_chance,
        }
    return {**row, "reason": one.reasons}
