"""The queue of a fixed list of trainings; those with a result file are not done again."""

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import replace

from nas.candidate import Candidate, Outcome, Record, State
from nas.dispatch.job_queue import JobObserver, JobQueue
from nas.dispatch.limits import Limits
from nas.dispatch.result_files import ResultFiles
from nas.engine.engine import MAX_DEATHS
from nas.engine.job import Training
from search_space.counted import counted


class TrainingQueue(JobQueue):
    """Hands out the trainings that have no result file.

    The search's time does not end it: the trainings are few, and without them a search would
    only guess.
    """

    def __init__(
        self,
        trainings: Sequence[Training],
        results: ResultFiles,
        *,
        limits: Limits = Limits(),  # noqa: B008 (it is frozen)
        timeout_s: float = math.inf,
        observer: JobObserver | None = None,
    ) -> None:
        """Find out what is missing.

        Args:
            trainings: All different.
            results: See `JobQueue`.
            limits: How many are in flight, and what memory a worker may hold.
            timeout_s: A training that takes longer has failed, seconds.
            observer: See `JobQueue`.

        Raises:
            ValueError: If a result file is damaged.
        """
        super().__init__(results, replace(limits, ends=math.inf), observer)
        self._waiting = deque(missing_trainings(trainings, results))
        self._timeout_s = timeout_s
        self._deaths = Counter[str]()

    def limit_s(self, job: Candidate) -> float:  # noqa: ARG002 (one limit for all)
        """Return the time limit of a training, seconds."""
        return self._timeout_s

    def _new_job(self) -> Candidate | None:
        return self._waiting.popleft() if self._waiting else None

    def _record(self, job: Candidate, outcome: Outcome) -> Record:
        return Record(candidate=job, outcome=outcome, deaths=self._deaths[job.file_stem])

    def _record_death(self, job: Candidate, reason: str) -> bool:  # noqa: ARG002 (not kept)
        self._deaths[job.file_stem] += 1
        return self._deaths[job.file_stem] < MAX_DEATHS


class TrainingNotes(JobObserver):
    """Turns each finished training into a line, with the count, for another observer."""

    def __init__(self, observer: JobObserver, *, total: int, missing: int) -> None:
        self._observer, self._total, self._done = observer, total, total - missing
        observer.advanced(self._done, total)

    def completed(self, record: Record) -> None:
        """Receive a training that has an outcome, which is on disk."""
        training, outcome = record.candidate, record.outcome
        assert isinstance(training, Training)
        what = outcome.reason
        if outcome.state is State.COMPLETE:
            what = (
                f"accuracy {100 * outcome.training.accuracy:.2f} %, "
                f"step {1e3 * outcome.costs.step_time_s:.1f} ms"
            )
        self._done += 1
        self._observer.advanced(self._done, self._total, outcome.seconds)
        epochs = counted(training.epochs, "epoch")
        self.note(
            f"candidate {training.number}, seed {training.seed}, {epochs}: "
            f"{what} in {outcome.seconds:.0f} s; {self._done}/{self._total}"
        )

    def note(self, line: str) -> None:
        """Pass a line on."""
        self._observer.note(line)


def missing_trainings(trainings: Sequence[Training], results: ResultFiles) -> tuple[Training, ...]:
    """Return the trainings that have no result file, in their order; see `ResultFiles.find`."""
    return tuple(training for training in trainings if results.find(training) is None)
