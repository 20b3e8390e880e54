"""What lives in an actor's process. Its imports are light: every worker pays for each of them."""

import os
import pickle
from collections.abc import Callable

from nas.candidate import Candidate
from nas.engine.result_files import Evaluate, Results
from nas.evaluation.safe_evaluation import Attempt, attempt
from trainer.device.host_memory import worker_memory_bytes


class Worker:
    """Turns one candidate at a time into its outcome; torch is imported by the first of them."""

    def __init__(
        self,
        pickled_make_evaluate: bytes,
        results: Results,
        *,
        workers: int = 1,
        memory_bytes: int | None = None,
    ) -> None:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"  # read when torch is imported, which is later
        self._pickled, self._results = pickled_make_evaluate, results
        self._memory_bytes = memory_bytes or worker_memory_bytes(workers)
        self._evaluate: Evaluate | None = None

    def ready(self) -> None:
        """Return once the process is up, which on a full cluster is when there is room."""

    def evaluate(self, candidate: Candidate) -> Attempt:
        """Return what became of a candidate, and leave it on disk.

        Raises:
            Exception: What making the evaluator raises; it is no candidate's.
        """
        if self._evaluate is None:  # here, because an error in a constructor kills an actor
            make_evaluate: Callable[[], Evaluate] = pickle.loads(self._pickled)
            self._evaluate = make_evaluate()
        return attempt(candidate, self._evaluate, self._results, memory_bytes=self._memory_bytes)
