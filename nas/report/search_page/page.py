"""The report of a search: one self-contained HTML page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nas.candidate import State
from nas.report.frame.page import Section, render_page
from nas.report.frame.table import Column, Row, Table
from nas.report.notes import final_notes, prediction_note, rung_costs
from nas.report.search_page import course, decisions, step_times, trade_off, words
from nas.report.search_page.candidates import candidates_table, finalists_table, front_table
from nas.report.search_page.failures import deaths_note, failures_table
from nas.report.search_page.networks import compared, stages_table
from nas.report.search_page.reweigh import dropped_note, reweigh_command, reweigh_data
from nas.report.search_page.search_run import SearchRun
from nas.report.search_page.status import search_status
from nas.report.search_page.workers import timeline, workers_chart
from search_space.atomic_file import write_atomic
from search_space.leftovers import remove_drafts
from trainer.environment import recorded_notes

REPORT = "report.html"
_SECTIONS = (
    ("winner", "Winner", ""),
    ("trade-off", "Accuracy, step time, parameters", "best"),
    ("other-exponents", "Other exponents", "best"),
    ("finalists-section", "Finalists", "finals"),
    ("networks", "Networks", "comparison"),
    ("progress", "Course", "best"),
    ("decisions-section", "Decisions", "best"),
    ("step-times", "Step times", "spread_plot"),
    ("failures-section", "Without a result", "has_failures"),
    ("workers-section", "Workers", "timeline"),
)


def write_report(run: SearchRun, sections: Sequence[Section] = ()) -> Path:
    """Write ``report.html`` into the run's folder and return its path.

    The page needs no network and no other file. If no candidate was trained, it says so and lists
    the reasons.

    Args:
        run: The search.
        sections: Further sections, before the table of all candidates.

    Raises:
        OSError: If the file cannot be written.
    """
    remove_drafts(run.files.folder, REPORT)
    return write_atomic(run.files.folder / REPORT, report_page(run, sections))


def report_page(run: SearchRun, sections: Sequence[Section] = ()) -> str:
    """Return the page as text, with all values escaped."""
    values = {**_always(run), **_with_winner(run)}
    links = [(name, title) for name, title, needed in _SECTIONS if not needed or values[needed]]
    links += [(section.name, section.title) for section in sections]
    links += [("all-candidates", "All candidates"), ("run", "The run")]
    return render_page(
        "search_page/search.html.jinja",
        title=f"Search {run.name}",
        styles=("search_page/search.css", *(style for one in sections for style in one.styles)),
        scripts=("search_page/reweigh.js", *(name for one in sections for name in one.scripts)),
        sections=links,
        more_sections=sections,
        **values,
    )


def _always(run: SearchRun) -> dict[str, Any]:
    """Return the values of the template that a search without a winner has too."""
    failures, deaths, work = failures_table(run), deaths_note(run), timeline(run)
    finals = run.finals
    return {
        "run": run,
        "config": run.files.config,
        "status": search_status(run),
        "counts_line": words.counts_line(run),
        "best": run.winner,
        "finals": finals,
        "has_trained": any(one.outcome.state is State.COMPLETE for one in run.records),
        "has_rungs": bool(rung_costs(run.records)),
        "image_notes": recorded_notes(run.files.folder),
        "finalists": finalists_table(run),
        "finals_notes": final_notes(finals) if finals else (),
        "spread_plot": step_times.spread_plot(run),
        "prediction_plot": step_times.prediction_plot(run),
        "prediction_note": prediction_note(run.records),
        "failures": failures,
        "deaths_note": deaths,
        "has_failures": bool(failures.rows or deaths),
        "timeline": work,
        "workers_chart": workers_chart(work) if work else None,
        "candidates": candidates_table(run),
        "facts": words.run_facts(run),
        "written": words.date_now(),
    }


def _with_winner(run: SearchRun) -> dict[str, Any]:
    """Return the values of the template that need a winner; None for each without."""
    best = run.winner
    if best is None:
        return dict.fromkeys(("comparison",))
    config, comparison = run.files.config, compared(run)
    importances = decisions.importances_of(run)
    return {
        "figures": words.winner_figures(run, best),
        "winner_words": words.winner_words(run),
        "why_accuracies_differ": words.why_accuracies_differ(run),
        "next_commands": words.next_commands(run),
        "step_time_plot": trade_off.step_time_plot(run),
        "params_plot": trade_off.params_plot(run),
        "front": front_table(run),
        "reweigh": reweigh_data(run),
        "reweigh_example": reweigh_command(run, config.w, config.v),
        "dropped_note": dropped_note(run),
        "comparison": comparison,
        "stages": stages_table(comparison) if comparison else None,
        "rewards_plot": course.rewards_plot(run),
        "device_time_plot": course.device_time_plot(run),
        "finals_time": words.finals_time(run),
        "rungs": _rungs_table(run),
        "importances_note": decisions.importances_note(importances),
        "importances_chart": (
            decisions.importances_chart(importances) if importances.decisions else None
        ),
        "options": decisions.options_table(run, importances),
    }


def _rungs_table(run: SearchRun) -> Table:
    heads = ("rung", "candidates", "went no further")
    return Table(
        name="rungs",
        caption="Costs of the rungs",
        columns=(
            *(Column(head=head) for head in heads),
            Column(head="device time", unit="s", digits=0),
        ),
        rows=tuple(
            Row((one.rung, one.entered, one.stopped_here, one.device_seconds))
            for one in rung_costs(run.records)
        ),
    )
