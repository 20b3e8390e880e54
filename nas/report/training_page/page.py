"""The report of a training: one self-contained HTML page."""

import shlex
from datetime import UTC, datetime
from pathlib import Path

from nas.report.frame.page import render_page
from nas.report.training_page.curves import course_charts
from nas.report.training_page.judged import evaluation_table, judge
from nas.report.training_page.phases import phase_bands, phase_table
from nas.report.training_page.reading import TrainingRun, read_training
from nas.report.training_page.words import (
    command_lines,
    export_rows,
    key_figures,
    notes,
    origin_pairs,
    search_table,
    settings_pairs,
    state_words,
)
from search_space.atomic_file import write_atomic
from search_space.leftovers import remove_drafts

REPORT = "report.html"


def write_training_report(folder: Path) -> Path:
    """Write ``report.html`` into the folder of a training, which may be in progress.

    Raises:
        ValueError: If the folder holds no training, or a file is damaged; names the file.
        OSError: If a file cannot be read or written.
    """
    page = training_page(read_training(folder))
    remove_drafts(folder, REPORT)
    return write_atomic(folder / REPORT, page)


def training_page(run: TrainingRun) -> str:
    """Return the page as text, with all values escaped."""
    judged, charts, search = judge(run), course_charts(run), search_table(run)
    exports = [(name, _size(size)) for name, size in export_rows(run)]
    return render_page(
        "training_page/training.html.jinja",
        title=f"Training {run.name}",
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        styles=("gallery.css", "training_page/training.css"),
        run=run,
        state=state_words(run),
        figures=key_figures(run),
        notes=notes(run),
        sections=[
            *([("course", "Course")] if charts else []),
            *([("evaluation", "Final model")] if judged else []),
            *([("search", "Search and training")] if search else []),
            *((one.split, one.words.capitalize()) for one in judged),
            *([("use", "Files and next steps")] if run.summary or exports else []),
            ("settings", "Settings and origin"),
        ],
        charts=charts,
        bands=phase_bands(run),
        phases=phase_table(run),
        judged=judged,
        evaluations=evaluation_table(run),
        search=search,
        exports=exports,
        next=_next_commands(run),
        origin=origin_pairs(run),
        commands=command_lines(run),
        recipe=settings_pairs(run),
    )


def _next_commands(run: TrainingRun) -> tuple[str, ...]:
    folder = shlex.quote(str(run.folder))
    return (
        f"nas-predict --model {folder} IMAGES",
        f"nas-evaluate --model {folder}",
        f"nas-export --model {folder} --to onnx",
    )


def _size(number: int) -> str:
    for size, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"
