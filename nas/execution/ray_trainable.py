"""The Ray Tune trainable: one trial is one candidate, and processes are reused."""

import json
import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any

from ray import tune

from nas.dispatch.result_files import Evaluate, Results
from nas.engine.job import Job
from nas.evaluation.safe_evaluation import evaluate_safely
from trainer.device.host_memory import worker_memory_bytes

# Keys of a trial's result.
OUTCOME, RETRY, CRASH, MACHINE = "outcome", "retry", "crash", "machine"
NOT_REUSABLE = 4  # exit code of a process that may not evaluate another candidate


class CandidateTrainable(tune.Trainable):  # type: ignore[misc]
    """Evaluates one candidate in one step; the process and its evaluator serve many trials."""

    def setup(
        self,
        config: dict[str, Any],
        *,
        pickled_make_evaluate: bytes,
        results: Results,
        workers: int,
        memory_bytes: int | None,
    ) -> None:
        """Keep the arguments; an error here would look like the death of a process."""
        os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, which is later
        self._job, self._results = Job.from_dict(config), results
        self._pickled = pickled_make_evaluate
        self._memory_bytes = memory_bytes or worker_memory_bytes(workers)
        self._evaluate: Evaluate | None = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take another candidate in the same process."""
        self._job = Job.from_dict(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Evaluate, and report the outcome or the error that is not the candidate's."""
        try:
            if self._evaluate is None:
                make_evaluate: Callable[[], Evaluate] = pickle.loads(self._pickled)
                self._evaluate = make_evaluate()
            report = evaluate_safely(
                self._job, self._evaluate, self._results, memory_bytes=self._memory_bytes
            )
        except OSError as error:  # of this machine, such as a full disk
            return {MACHINE: str(error), "reward": 0.0, "done": True}
        except Exception:  # noqa: BLE001 (it is raised again, in the driver)
            return {CRASH: traceback.format_exc(), "reward": 0.0, "done": True}
        if report.outcome is None:
            return {RETRY: report.machine_error, "reward": 0.0, "done": True}
        if not report.reusable and self._results.folder.is_dir():
            # Tune offers no other way to a new process; the driver finds the outcome on file.
            os._exit(NOT_REUSABLE)
        outcome = report.outcome
        return {
            "reward": outcome.reward,
            OUTCOME: json.dumps(outcome.to_dict()),
            "done": True,
        }
