"""One self-contained HTML page that tells what a search tried and found."""

import io
from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment

from nas.analysis.pareto import pareto_front
from nas.analysis.rung_costs import rung_accounts
from nas.candidate import Record, State
from nas.finalists.finalists import Finals, winner
from nas.report.figures import search_figure
from nas.report.sections import FRONT_HEADS, confirmation, finals_section, front_rows
from nas.run_folder.files import trials_table
from nas.settings.config import SearchConfig
from search_space.atomic_file import write_atomic
from search_space.space import SearchSpace


def write_report(
    folder: Path,
    records: Sequence[Record],
    config: SearchConfig,
    space: SearchSpace,
    finals: Finals | None = None,
) -> Path:
    """Write ``report.html`` into the run's folder and return its path.

    The page needs no network and no other file. A run without a trained candidate gets a page
    that says so and lists the reasons.
    """
    path = folder / "report.html"
    write_atomic(path, report_page(folder.name, records, config, space, finals))
    return path


def report_page(
    name: str,
    records: Sequence[Record],
    config: SearchConfig,
    space: SearchSpace,
    finals: Finals | None = None,
) -> str:
    """Return the page as text; whatever comes from outside is escaped."""
    best = winner(records, finals)
    table = trials_table(records, space).sort_values("reward", ascending=False)
    template = files("nas.report").joinpath("page.html.jinja").read_text(encoding="utf-8")
    counted = Counter(record.outcome.state for record in records)
    return (
        Environment(autoescape=True)
        .from_string(template)
        .render(
            name=name,
            config=config,
            space=space,
            counts={state: counted[state] for state in State},
            best=best,
            device=best.outcome.costs.timing.device if best else "",
            picture=_picture(records, name, best) if best else "",
            stages=space.architecture(best.candidate.choices).stages if best else (),
            confirmed=confirmation(best, finals) if best else "",
            finals=finals_section(finals) if finals else None,
            front_heads=FRONT_HEADS,
            front=front_rows(records, best),
            rungs=rung_accounts(records),
            columns=list(table.columns),
            rows=_rows(table, records, best),
        )
    )


def _rows(
    table: pd.DataFrame, records: Sequence[Record], best: Record | None
) -> list[dict[str, Any]]:
    marks = {
        record.candidate.number: "chance"
        for record in records
        if record.outcome.state is State.COMPLETE and not record.can_win
    }
    marks |= {record.candidate.number: "front" for record in pareto_front(records)}
    if best is not None:
        marks[best.candidate.number] = "best"
    return [
        {
            "mark": marks.get(row["number"], ""),
            "values": [_text(value) for value in row.values()],
        }
        for row in table.astype(object).to_dict("records")
    ]


def _text(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _picture(records: Sequence[Record], name: str, best: Record) -> str:
    """Return the figure as an SVG element, without the XML prologue that HTML does not take."""
    buffer = io.StringIO()
    search_figure(records, name, winner=best).savefig(buffer, format="svg")
    drawing = buffer.getvalue()
    return drawing[drawing.index("<svg") :]
