"""How far a search is, in one line, and what remains to be done."""

from dataclasses import dataclass
from typing import Literal

from nas.report.search_page.search_run import SearchRun
from search_space.counted import counted


@dataclass(frozen=True, slots=True)
class Status:
    """How far a search is.

    Attributes:
        kind: Whether it is running, has finished, or ended before its budget.
        line: The same in words, with counts.
    """

    kind: Literal["running", "finished", "ended early"]
    line: str


def search_status(run: SearchRun) -> Status:
    """Return how far the search is, finals included."""
    budget, finished = run.files.config.budget, run.num_finished
    trained, trainings = len(run.trainings), run.num_trainings
    is_searched = finished >= budget
    finals = _finals(run, is_searched=is_searched)
    if run.is_running:
        line = f"running, {finished} of {budget} candidates, {finals}"
        return Status("running", line)
    if is_searched and trained == trainings:
        return Status("finished", f"finished: {counted(finished, 'candidate')}, {finals}")
    if not is_searched and run.finals is not None:
        line = f"ended before its budget: {finished} of {budget} candidates, {finals}"
        return Status("ended early", line)
    return Status("ended early", f"stopped: {finished} of {budget} candidates, {finals}")


def _finals(run: SearchRun, *, is_searched: bool) -> str:
    """Return what is said about the further trainings of the finalists."""
    trained, trainings = len(run.trainings), run.num_trainings
    if run.files.config.num_finalists == 0:
        return "no finalists are trained again"
    if trainings and trained == trainings:
        return f"{counted(trained, 'further training')} of finalists"
    if is_searched and not trainings:
        return "no finalists, because no candidate can be one"
    if is_searched:
        return f"{trained} of {trainings} further trainings of finalists"
    return "finals to come"
