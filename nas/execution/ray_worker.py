"""What a worker process does. It imports little, because every worker imports it first."""

import os
import pickle
from collections.abc import Callable

from nas.candidate import Candidate
from nas.dispatch.result_files import Evaluate, Results
from nas.evaluation.safe_evaluation import WorkerReport, evaluate_safely
from trainer.device.host_memory import worker_memory_bytes


class Worker:
    """Evaluates one job at a time; the first one makes the evaluator and imports torch."""

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
        """Return when the process runs, which on a full cluster is when resources are free."""

    def evaluate(self, job: Candidate) -> WorkerReport:
        """Evaluate a job and write its result file.

        Raises:
            Exception: If the evaluator cannot be made; it is not the candidate's fault.
        """
        if self._evaluate is None:  # here, because an error in a constructor kills an actor
            make_evaluate: Callable[[], Evaluate] = pickle.loads(self._pickled)
            self._evaluate = make_evaluate()
        return evaluate_safely(job, self._evaluate, self._results, memory_bytes=self._memory_bytes)
