"""Trackio, a local tracker; TRACKIO_SPACE_ID sends the run to a space of Hugging Face too."""

from collections.abc import Mapping
from typing import Any

from trainer.trackers.run_ids import keep_run_id, run_id
from trainer.trackers.tracker import TrackedRun

NAME = "trackio"


class TrackioTracker:
    """Writes the run into Trackio's database."""

    def __init__(self, run: TrackedRun) -> None:
        self._run, self._last_step = run, run.start
        self._trackio_run: Any = None

    def start(self, config: Mapping[str, Any]) -> str:
        """Open the run again if the folder says that Trackio has it; else make a new one."""
        import trackio

        _silence(trackio)
        known = run_id(self._run.folder, NAME)
        self._trackio_run = trackio.init(
            project=self._run.project,
            name=known or self._run.name,
            config=dict(config),
            resume="never" if known is None else "allow",
            embed=False,
            auto_log_cpu=False,  # its thread would disturb the timing of steps
            auto_log_gpu=False,
        )
        if known is None:
            keep_run_id(self._run.folder, NAME, str(self._trackio_run.name))
        return f"trackio show --project {self._run.project}"

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write the metrics of a step."""
        self._trackio_run.log(dict(metrics), step=step)
        self._last_step = max(self._last_step, step)

    def finish(self, summary: Mapping[str, float] | None) -> None:
        """Write the summary as metrics ``final/NAME``, and wait until all is written."""
        if summary:
            final = {f"final/{name}": value for name, value in summary.items()}
            self._trackio_run.log(final, step=self._last_step)
        self._trackio_run.finish()


def _silence(trackio: Any) -> None:
    """Let Trackio print nothing: it has no setting for that, and the lines disturb a display."""
    for module in (trackio, getattr(trackio, "utils", None), getattr(trackio, "run", None)):
        if module is not None:
            module.print = lambda *_, **__: None
