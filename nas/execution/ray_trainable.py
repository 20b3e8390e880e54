"""What a trial of Ray Tune is here: one candidate, evaluated in a process that is used again."""

import json
import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any

from ray import tune

from nas.candidate import Candidate
from nas.engine.result_files import Evaluate, Results
from nas.evaluation.safe_evaluation import attempt
from trainer.device.host_memory import worker_memory_bytes

# Keys of a trial's result.
OUTCOME, TROUBLE, CRASH, MACHINE = "outcome", "trouble", "crash", "machine"
UNCLEAN = 4  # exit code of a process that its candidate left in disorder


class CandidateTrainable(tune.Trainable):  # type: ignore[misc]
    """One candidate in one step; the process and its evaluator serve one trial after another."""

    def setup(
        self,
        config: dict[str, Any],
        *,
        pickled_make_evaluate: bytes,
        results: Results,
        workers: int,
        memory_bytes: int | None,
    ) -> None:
        """Take note; an error here would look like the death of a process."""
        os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, which is later
        self._candidate, self._results = Candidate.from_dict(config), results
        self._pickled = pickled_make_evaluate
        self._memory_bytes = memory_bytes or worker_memory_bytes(workers)
        self._evaluate: Evaluate | None = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Go on to another candidate in the same process."""
        self._candidate = Candidate.from_dict(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Evaluate, and report the outcome or our fault."""
        try:
            if self._evaluate is None:
                make_evaluate: Callable[[], Evaluate] = pickle.loads(self._pickled)
                self._evaluate = make_evaluate()
            tried = attempt(
                self._candidate, self._evaluate, self._results, memory_bytes=self._memory_bytes
            )
        except OSError as error:  # of this machine, such as a full disk: no traceback helps
            return {MACHINE: str(error), "reward": 0.0, "done": True}
        except Exception:  # noqa: BLE001 (it is raised again, in the driver)
            return {CRASH: traceback.format_exc(), "reward": 0.0, "done": True}
        if tried.outcome is None:
            return {TROUBLE: tried.trouble, "reward": 0.0, "done": True}
        if not tried.is_clean and self._results.folder.is_dir():
            # Tune offers no other way to a new process; the driver finds the outcome on file.
            os._exit(UNCLEAN)
        report = {"reward": tried.outcome.reward, OUTCOME: json.dumps(tried.outcome.to_dict())}
        return {**report, "done": True}
