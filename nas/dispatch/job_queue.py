"""The queue between what is to be trained and the workers that train it."""

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import replace

from nas.candidate import Candidate, Outcome, Record
from nas.dispatch.limits import Limits
from nas.dispatch.result_files import ResultFiles
from nas.engine.engine import MAX_DEATHS


class WorkerError(Exception):
    """An exception in a worker that is not a candidate's fault; the message is its traceback."""


class JobObserver:
    """Receives what happens to the jobs of a queue. This one ignores it; subclasses override."""

    def completed(self, record: Record) -> None:
        """Receive a job that has an outcome, which is on disk."""

    def note(self, line: str) -> None:
        """Receive a line about something other than an outcome, such as missing workers."""

    def advanced(self, done: int, total: int, seconds: float | None = None) -> None:
        """Receive that `done` of `total` further trainings are done.

        The last one took `seconds`; None at the start.
        """


class JobQueue(ABC):
    """Hands out jobs and records their outcomes, the same way for every executor.

    A job whose worker died is handed out again, until `MAX_DEATHS` workers died. An outcome
    that a worker wrote to its result file but could not return is read from the file.

    Attributes:
        results: Where workers write their outcomes; None for workers that only return them.
        limits: What jobs may take, and when no more are handed out.
        observer: Receives what happens.
    """

    def __init__(
        self, results: ResultFiles | None, limits: Limits, observer: JobObserver | None = None
    ) -> None:
        self.results, self.limits = results, limits
        self.observer = observer or JobObserver()
        self._in_flight: set[str] = set()
        self._retry: deque[Candidate] = deque()

    @property
    def is_idle(self) -> bool:
        """Whether no job is in flight; if `next_job` returns None too, the queue is done."""
        return not self._in_flight

    def next_job(self) -> Candidate | None:
        """Return the next job, or None for nothing at this moment."""
        most = self.limits.max_concurrent
        if self.limits.time_is_up or (most is not None and len(self._in_flight) >= most):
            return None
        job = self._retry.popleft() if self._retry else self._new_job()
        if job is not None:
            self._in_flight.add(job.file_stem)
        return job

    def complete(self, job: Candidate, outcome: Outcome) -> None:
        """Record an outcome. Its result file is written before anything else refers to it.

        Raises:
            ValueError: If the job's result file is damaged.
            OSError: If a file cannot be written.
        """
        if self.results:
            if self.results.find(job) is None:
                self.results.save(job, outcome)
            self.results.save_traceback(job, outcome)
        if outcome.traceback:
            outcome = replace(outcome, traceback="")
        record = self._record(job, outcome)
        self._in_flight.discard(job.file_stem)
        if self.results:
            self.results.release_lock(job)
        self.observer.completed(record)

    def worker_died(self, job: Candidate, reason: str) -> None:
        """Record that a worker died: the job is tried again, or failed if too many died."""
        if self.recover_result(job):
            return
        self._in_flight.discard(job.file_stem)
        if self._record_death(job, reason):
            self._retry.append(job)
        else:
            reason = f"worker died {MAX_DEATHS} times (out of host memory?): {reason}"
            self.complete(job, Outcome.failed(reason))

    def timed_out(self, job: Candidate, seconds: float) -> None:
        """Record that a job had no outcome after `seconds`; it is not tried again."""
        if not self.recover_result(job):
            reason = f"timeout: not done after {seconds:.0f} s"
            self.complete(job, Outcome.failed(reason, seconds=seconds))

    def recover_result(self, job: Candidate) -> bool:
        """Record the outcome of the job's result file; return whether there is one."""
        outcome = self.results.find(job) if self.results else None
        if outcome is None:
            return False
        self.complete(job, outcome)
        return True

    @abstractmethod
    def limit_s(self, job: Candidate) -> float:
        """Return the time limit of a job as of now, seconds; infinite where it is not known."""

    @abstractmethod
    def _new_job(self) -> Candidate | None:
        """Return a job that was not handed out before, or None."""

    @abstractmethod
    def _record(self, job: Candidate, outcome: Outcome) -> Record:
        """Record an outcome."""

    @abstractmethod
    def _record_death(self, job: Candidate, reason: str) -> bool:
        """Record the death of a worker; return whether to try the job again."""
