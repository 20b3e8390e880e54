"""Candidates of a search as metrics of the trackers, by the number of the candidate."""

from collections.abc import Sequence
from functools import partial

from rich.console import Console

from nas.candidate import Record, State
from nas.run_folder.files import RunFiles
from search_space.command_line.command import print_lines
from trainer.trackers.selection import Trackers
from trainer.trackers.tracker import TrackedRun

PROJECT = "nas-search"  # under which trackers group the runs


def tracked_search(names: Sequence[str], run: RunFiles, console: Console) -> Trackers:
    """Open the run in the trackers of these names, with its settings."""
    tell = partial(print_lines, console)
    trackers = Trackers(names, TrackedRun(folder=run.folder, project=PROJECT), tell)
    trackers.start(run.config.model_dump(mode="json"))
    return trackers


def candidate_metrics(record: Record) -> dict[str, float]:
    """Return what is known of a candidate: reward and accuracy if trained, costs if timed."""
    metrics, found = record.outcome.metrics, dict[str, float]()
    if record.outcome.state is State.COMPLETE:
        found["reward"] = record.outcome.reward
    if metrics.training is not None:
        found["accuracy"] = metrics.training.accuracy
        if metrics.training.rung is not None:
            found["rung"] = metrics.training.rung.number
    if metrics.costs is not None:
        found["step_time_s"] = metrics.costs.step_time_s
        found["relative_step_time"] = metrics.costs.relative_step_time
        found["num_params"] = metrics.costs.num_params
    return found
