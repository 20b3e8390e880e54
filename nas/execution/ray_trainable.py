"""The Ray Tune trainable: one trial is one candidate, and processes are reused."""

import json
import os
import traceback
from typing import Any

from ray import tune

from nas.dispatch.result_files import Results
from nas.engine.job import Job
from nas.execution.ray_worker import Worker

# Keys of a trial's result.
OUTCOME, RETRY, CRASH, MACHINE = "outcome", "retry", "crash", "machine"
NOT_REUSABLE = 4  # exit code of a process that may not evaluate another candidate


class CandidateTrainable(tune.Trainable):  # type: ignore[misc]
    """Evaluates one candidate in one step; the process and its evaluator serve many trials."""

    def setup(
        self, config: dict[str, Any], *, make_evaluate: bytes, results: Results, **worker: Any
    ) -> None:
        """Keep the arguments; an error here would look like the death of a process."""
        self._job, self._results = Job.from_dict(config), results
        self._worker = Worker(make_evaluate, results, **worker)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another candidate in the same process."""
        self._job = Job.from_dict(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Evaluate, and report the outcome or the error that is not the candidate's."""
        ended = {"reward": 0.0, "done": True}
        try:
            report = self._worker.evaluate(self._job)
        except OSError as error:  # of this machine, such as a full disk
            return {**ended, MACHINE: str(error)}
        except Exception:  # noqa: BLE001 (it is raised again, in the driver)
            return {**ended, CRASH: traceback.format_exc()}
        if report.outcome is None:
            return {**ended, RETRY: report.machine_error}
        if not report.reusable and self._results.folder.is_dir():
            # Tune offers no other way to a new process; the driver finds the outcome on file.
            os._exit(NOT_REUSABLE)
        outcome = report.outcome
        return {**ended, "reward": outcome.reward, OUTCOME: json.dumps(outcome.to_dict())}
