"""Finalists' trainings in a process that a test kills: `python -m tests.toys.retraining FOLDER`.

Every training that finishes appends its label to `evaluated.txt`.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from nas.candidate import Candidate, Outcome
from nas.dispatch.result_files import ResultFiles
from nas.engine.job import Training
from nas.execution.ray_actors import run_with_actors
from nas.finalists.training_queue import TrainingQueue
from tests.toys.observer import ToyObserver
from tests.toys.space import toy_outcome
from trainer.cluster.ray_session import ray_session

SECONDS = 0.5


def trainings(count: int) -> tuple[Training, ...]:
    choices = {"stage1.depth": 2, "stage2.depth": 2, "stage3.depth": 0}
    return tuple(
        Training(number=number, key=f"key {number}", choices=choices, seed=seed, epochs=4)
        for seed in (1, 2)
        for number in range(count // 2)
    )


def traced(folder: Path, seconds: float) -> Callable[[], Callable[[Candidate], Outcome]]:
    """Return a factory of evaluators that take `seconds` and record the end of each evaluation."""

    def evaluate(candidate: Candidate) -> Outcome:
        time.sleep(seconds)
        trace = os.open(folder / "evaluated.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(trace, f"{candidate.file_stem}\n".encode())
        os.close(trace)
        return toy_outcome(candidate)

    return lambda: evaluate


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    results = ResultFiles(folder=folder / "finalists", run_id="toy")
    results.folder.mkdir(exist_ok=True)
    with ray_session(workers=2, logical_cpus=2) as session:
        observer = ToyObserver(lambda record: print(record.candidate.file_stem, flush=True))
        queue = TrainingQueue(trainings(12), results, observer=observer)
        stopped = run_with_actors(queue, session, traced(folder, SECONDS))
    print("stopped by", stopped.name if stopped else None, flush=True)
    return 130 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
