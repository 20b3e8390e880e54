"""The report of a search: one self-contained HTML page."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nas.analysis.ranking import pareto_front
from nas.candidate import Record, State
from nas.finalists.finalists import Finals, winner
from nas.report.frame.page import render_page
from nas.report.frame.table import Column, Mark, Row, Table
from nas.report.notes import final_notes, rung_costs
from nas.report.tables import (
    CANDIDATE,
    FINALIST,
    candidate_cells,
    count,
    finalist_cells,
    milliseconds,
    percent,
)
from nas.run_folder.files import RunFiles, trials_table
from search_space.atomic_file import write_atomic
from search_space.leftovers import remove_drafts
from trainer.environment import recorded_notes


def write_report(run: RunFiles, records: Sequence[Record], finals: Finals | None = None) -> Path:
    """Write ``report.html`` into the run's folder and return its path.

    The page needs no network and no other file. If no candidate was trained, it says so and lists
    the reasons.
    """
    remove_drafts(run.folder, "report.html")
    return write_atomic(run.folder / "report.html", report_page(run, records, finals))


def report_page(run: RunFiles, records: Sequence[Record], finals: Finals | None = None) -> str:
    """Return the page as text, with all values escaped."""
    best = winner(records, finals)
    number, first = best.candidate.number if best else None, finals.winner if finals else None
    trials = trials_table(records, run.space).sort_values("reward", ascending=False)
    return render_page(
        "search_page/search.html.jinja",
        title=f"Search {run.folder.name}",
        name=run.folder.name,
        percent=percent,
        milliseconds=milliseconds,
        count=count,
        config=run.config,
        space=run.space,
        counts=Counter(record.outcome.state for record in records),
        best=best,
        stages=run.space.architecture(best.candidate.choices).stages if best else (),
        finals=finals,
        finals_table=_table(
            "finalists",
            "Finalists",
            FINALIST,
            [
                ("best" if one is first else "" if one.can_win else "chance", finalist_cells(one))
                for one in (finals.finalists if finals else ())
            ],
        ),
        finals_notes=final_notes(finals) if finals else (),
        front_table=_table(
            "front",
            "Pareto front",
            CANDIDATE,
            [
                ("best" if one.candidate.number == number else "", candidate_cells(one))
                for one in pareto_front(records)
            ],
        ),
        rungs=rung_costs(records),
        image_notes=recorded_notes(run.folder),
        trials=_table(
            "candidates", "All candidates", list(trials.columns), _rows(trials, records, number)
        ),
    )


def _table(
    name: str, caption: str, heads: Sequence[str], rows: Sequence[tuple[Mark, Sequence[str]]]
) -> Table:
    return Table(
        name=name,
        caption=caption,
        columns=tuple(Column(head=head) for head in heads),
        rows=tuple(Row(tuple(cells), mark) for mark, cells in rows),
    )


def _rows(
    trials: pd.DataFrame, records: Sequence[Record], best: int | None
) -> list[tuple[Mark, list[str]]]:
    """Return the mark and the cells of every candidate."""
    trained = (record for record in records if record.outcome.state is State.COMPLETE)
    marks: dict[int, Mark] = {
        one.candidate.number: "" if one.can_win else "chance" for one in trained
    }
    marks |= {record.candidate.number: "front" for record in pareto_front(records)}
    if best is not None:
        marks[best] = "best"
    rows = trials.astype(object).to_dict("records")
    return [(marks.get(row["number"], ""), [*map(_text, row.values())]) for row in rows]


def _text(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
