"""Which trackers a command uses: their names, their libraries, and all of them together."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any

from trainer.trackers.background import BackgroundTracker, Tell
from trainer.trackers.tracker import TrackedRun, Tracker

NONE, TENSORBOARD = "none", "tensorboard"
# Name of a tracker, which is the name of its extra too -> the library that it imports.
LIBRARIES = {
    TENSORBOARD: "tensorboardX",
    "wandb": "wandb",
    "mlflow": "mlflow",
    "trackio": "trackio",
}
CHOICES = (*LIBRARIES, NONE)


def add_tracker_flag(group: argparse._ActionsContainer, *, default: str) -> None:
    """Add the flag --tracker, which is None if it is not given."""
    group.add_argument(
        "--tracker",
        action="append",
        choices=CHOICES,
        help=f"Where metrics are recorded besides the run's folder; may be repeated "
        f"(default: {default})",
    )


def chosen_trackers(given: Sequence[str] | None, default: Sequence[str]) -> tuple[str, ...]:
    """Return the trackers that the flags name, each once, or the default.

    Args:
        given: Values of --tracker; None if there is none.
        default: Trackers without the flag.

    Raises:
        ValueError: If ``none`` is given together with a tracker, or a library is not installed.
    """
    names = tuple(dict.fromkeys(default if given is None else given))
    if NONE in names and len(names) > 1:
        others = ", ".join(name for name in names if name != NONE)
        raise ValueError(f"--tracker none excludes --tracker {others}")
    chosen = tuple(name for name in names if name != NONE)
    for name in chosen:
        _require_library(name)
    return chosen


def _require_library(name: str) -> None:
    library = LIBRARIES[name]
    spec = find_spec(library)
    # A folder of that name, such as W&B's own in the current folder, is no library.
    if spec is None or spec.origin is None:
        raise ValueError(
            f"--tracker {name}: {library} is not installed; run: "
            f"pip install 'training-aware-nas[{name}]'"
        )


class Trackers:
    """Several trackers of one run; none of their faults reaches the run.

    Args:
        names: Trackers, as in `LIBRARIES`.
        run: The run.
        tell: Receives lines for the user.
    """

    def __init__(self, names: Sequence[str], run: TrackedRun, tell: Tell) -> None:
        self._trackers = [
            BackgroundTracker(name, partial(_maker(name), run), tell) for name in names
        ]

    def start(self, config: Mapping[str, Any]) -> None:
        """Open the run with its settings."""
        for tracker in self._trackers:
            tracker.start(config)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Record the metrics of a step."""
        for tracker in self._trackers:
            tracker.log(metrics, step)

    def finish(self, summary: Mapping[str, float] | None) -> None:
        """End the run with its final numbers; None if it was stopped and may be continued."""
        for tracker in self._trackers:
            tracker.finish(summary)


def _maker(name: str) -> Callable[[TrackedRun], Tracker]:
    """Return the class of a tracker; its module is imported only if it is asked for."""
    match name:
        case "wandb":
            from trainer.trackers.wandb_tracker import WandbTracker

            return WandbTracker
        case "mlflow":
            from trainer.trackers.mlflow_tracker import MlflowTracker

            return MlflowTracker
        case "trackio":
            from trainer.trackers.trackio_tracker import TrackioTracker

            return TrackioTracker
        case _:
            from trainer.trackers.tensorboard_tracker import TensorBoardTracker

            return TensorBoardTracker
