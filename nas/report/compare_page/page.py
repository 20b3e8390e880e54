"""The page that sets runs side by side: searches, trainings, or both."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from nas.report.compare_page.names import run_names
from nas.report.compare_page.searches import compare_searches
from nas.report.compare_page.trainings import compare_trainings
from nas.report.frame.page import render_page
from nas.report.search_page.search_run import SearchRun
from nas.report.training_page.reading import TrainingRun

Run = SearchRun | TrainingRun


def comparison_page(runs: Sequence[Run]) -> str:
    """Return the page of at least two runs as text, with all values escaped."""
    names = run_names([_folder(run) for run in runs])
    pairs = list(zip(runs, names, strict=True))
    searches = [(run, name) for run, name in pairs if isinstance(run, SearchRun)]
    trainings = [(run, name) for run, name in pairs if isinstance(run, TrainingRun)]
    return render_page(
        "compare_page/compare.html.jinja",
        title=_title(len(searches), len(trainings)),
        written=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        sections=[
            *([("searches-section", "Searches")] if searches else []),
            *([("trainings-section", "Trainings")] if trainings else []),
        ],
        searches=compare_searches(*zip(*searches, strict=True)) if searches else None,
        trainings=compare_trainings(*zip(*trainings, strict=True)) if trainings else None,
        num_searches=len(searches),
        num_trainings=len(trainings),
    )


def _folder(run: Run) -> Path:
    return run.folder if isinstance(run, TrainingRun) else run.files.folder


def _title(searches: int, trainings: int) -> str:
    parts = [(searches, "search", "searches"), (trainings, "training", "trainings")]
    words = [f"{count} {one if count == 1 else many}" for count, one, many in parts if count]
    return f"Comparison of {' and '.join(words)}"
