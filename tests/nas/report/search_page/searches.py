"""Searches for tests of the page, without a ledger unless events are given."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nas.analysis.ranking import ranked
from nas.candidate import Record
from nas.engine.events import Event
from nas.finalists.finalists import Finals, finalist_trainings, judge_finalists
from nas.report.search_page.search_run import SearchRun
from tests.nas.nas_records import run_files, trained


def search(
    records: Sequence[Record] = (),
    finals: Finals | None = None,
    *,
    folder: Path = Path("run"),
    events: Sequence[Event] = (),
) -> SearchRun:
    """Return a search with these candidates, which has ended; without `finals` it wants none."""
    files = run_files(folder)
    if finals is None:
        files = replace(files, config=files.config.model_copy(update={"finalists": 0}))
    return SearchRun(files=files, records=tuple(records), finals=finals, events=tuple(events))


def finals_of(
    records: Sequence[Record], accuracies: dict[tuple[int, int], float], *, epochs: int = 20
) -> Finals:
    """Return the finalists: two best candidates, with (candidate, seed) -> accuracy."""
    chosen = ranked(records)[:2]
    trainings = finalist_trainings(chosen, seeds=(1, 2), epochs=epochs)
    outcomes = {
        one.file_stem: trained(0, 0.0, accuracy=accuracies[one.number, one.seed]).outcome
        for one in trainings
    }
    return judge_finalists(chosen, trainings, outcomes, w=0.0, v=0.0)
