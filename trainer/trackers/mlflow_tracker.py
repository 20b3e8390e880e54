"""MLflow, through its client; MLFLOW_TRACKING_URI names the server or the store."""

import logging
import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from trainer.trackers.run_ids import keep_run_id, run_id
from trainer.trackers.tracker import TrackedRun

NAME = "mlflow"
# Limits of MLflow's REST interface: parameters in a request, characters of a value.
MAX_PARAMS, MAX_VALUE = 100, 500


class MlflowTracker:
    """Writes parameters and metrics of a run of an MLflow experiment."""

    def __init__(self, run: TrackedRun) -> None:
        self._run, self._id, self._last_step = run, "", run.start
        self._client: Any = None

    def start(self, config: Mapping[str, Any]) -> str:
        """Create the run, or open the one whose identifier the folder holds."""
        from mlflow import MlflowClient

        # A new store is made with many lines. MLflow sets the level itself when it is imported.
        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        # A client, and not the functions of `mlflow`: those keep the run in a global.
        self._client = MlflowClient()
        known = run_id(self._run.folder, NAME)
        if known is None or not self._reopened(known):
            self._create(config)
        return f"run {self._id}"

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write the metrics of a step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        rows = [Metric(name, float(value), now, step) for name, value in metrics.items()]
        self._client.log_batch(self._id, metrics=rows)
        self._last_step = max(self._last_step, step)

    def finish(self, summary: Mapping[str, float] | None) -> None:
        """Write the summary as metrics ``final/NAME``, and how the run ended."""
        if summary is not None:
            final = {f"final/{name}": value for name, value in summary.items()}
            self.log(final, self._last_step)
        self._client.set_terminated(self._id, "KILLED" if summary is None else "FINISHED")

    def _create(self, config: Mapping[str, Any]) -> None:
        from mlflow.entities import Param

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or self._run.project
        found = self._client.get_experiment_by_name(name)
        place = found.experiment_id if found else self._client.create_experiment(name)
        self._id = self._client.create_run(place, run_name=self._run.name).info.run_id
        keep_run_id(self._run.folder, NAME, self._id)
        params = [Param(name, text[:MAX_VALUE]) for name, text in flattened(config)]
        for start in range(0, len(params), MAX_PARAMS):
            self._client.log_batch(self._id, params=params[start : start + MAX_PARAMS])

    def _reopened(self, identifier: str) -> bool:
        """Continue the run, and return whether the store has it."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.update_run(identifier, status="RUNNING")
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return False
        self._id = identifier
        return True


def flattened(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each setting as a dotted name and a text; a list is one setting."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
