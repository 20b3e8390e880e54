"""Weights & Biases, through the library `wandb` and its own settings (WANDB_MODE and others)."""

import os
import uuid
from collections.abc import Mapping
from typing import Any

from trainer.trackers.run_ids import keep_run_id, run_id
from trainer.trackers.tracker import TrackedRun

NAME = "wandb"
# Seconds for the connection at the start. W&B's 90 s would also delay the end of the process.
INIT_TIMEOUT_S = 25.0
# Seconds for the upload at the end; `wandb sync` sends the rest from the run's folder later.
FINISH_TIMEOUT_S = 20.0


class WandbTracker:
    """Sends the run to the W&B server of this user, or to files with WANDB_MODE=offline."""

    def __init__(self, run: TrackedRun) -> None:
        self._run = run
        self._wandb_run: Any = None

    def start(self, config: Mapping[str, Any]) -> str:
        """Open the run under the identifier that the folder holds, or a new one.

        Without an API key, `wandb` raises instead of asking for one: it is silent.
        """
        os.environ.setdefault("WANDB_SILENT", "true")  # read when it is imported
        import wandb

        folder = self._run.folder
        identifier = run_id(folder, NAME)
        if identifier is None:
            identifier = uuid.uuid4().hex[:12]
            keep_run_id(folder, NAME, identifier)
        settings = wandb.Settings(console="off", save_code=False, init_timeout=INIT_TIMEOUT_S)
        if hasattr(settings, "finish_timeout"):  # not in older versions
            settings.finish_timeout = FINISH_TIMEOUT_S
        self._wandb_run = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or self._run.project,
            name=self._run.name,
            id=identifier,
            resume="allow",
            dir=str(folder.resolve()),
            config=dict(config),
            settings=settings,
        )
        # W&B's own step may never decrease; a rewind and parallel candidates go back.
        self._wandb_run.define_metric("*", step_metric="step")
        return str(self._wandb_run.url or f"offline, in {folder / 'wandb'}")

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Send the metrics, with the step as a metric that is their x axis."""
        self._wandb_run.log({**metrics, "step": step})

    def finish(self, summary: Mapping[str, float] | None) -> None:
        """Send the summary, and wait for the upload."""
        if summary is not None:
            self._wandb_run.summary.update(dict(summary))
        self._wandb_run.finish()
