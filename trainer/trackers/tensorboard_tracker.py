"""TensorBoard: event files in the folder ``tensorboard`` of a run."""

from collections.abc import Mapping
from typing import Any

from tensorboardX import SummaryWriter  # type: ignore[import-untyped]

from trainer.trackers.tracker import TrackedRun

FOLDER = "tensorboard"


class TensorBoardTracker:
    """Writes each metric as a scalar.

    Args:
        run: The run. Events from its start on, which a killed process wrote, are purged by the
            viewer when the run continues.
    """

    def __init__(self, run: TrackedRun) -> None:
        self._run = run
        self._writer: Any = None

    def start(self, config: Mapping[str, Any]) -> str:  # noqa: ARG002 (scalars only)
        """Open a new file of events."""
        folder = self._run.folder / FOLDER
        self._writer = SummaryWriter(str(folder), purge_step=self._run.start)
        return ""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write the scalars of a step to disk."""
        for name, value in metrics.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def finish(self, summary: Mapping[str, float] | None) -> None:  # noqa: ARG002 (scalars only)
        """Close the file."""
        self._writer.close()
