"""The queue of a search: jobs come from the engine, and outcomes go to it."""

from nas.candidate import Candidate, Outcome, Record, State
from nas.dispatch.job_queue import JobObserver, JobQueue
from nas.dispatch.limits import Limits, RungTimeouts, TooManyFailuresError
from nas.dispatch.result_files import ResultFiles
from nas.engine.engine import Engine


class Dispatcher(JobQueue):
    """Hands out the engine's jobs; those that an earlier session left in flight come first.

    Attributes:
        recovered: Outcomes of earlier sessions that were found in the result files.
    """

    def __init__(
        self,
        engine: Engine,
        results: ResultFiles | None = None,
        *,
        limits: Limits = Limits(),  # noqa: B008 (it is frozen)
        observer: JobObserver | None = None,
    ) -> None:
        """Take over the jobs in flight of `engine`, which decides what is trained.

        Raises:
            ValueError: If a result file is damaged.
            OSError: If the ledger cannot be written.
            TooManyFailuresError: As `complete`.
        """
        super().__init__(results, limits, observer)
        self._engine = engine
        self._timeouts = RungTimeouts(limits.timeout)
        self._failures_in_a_row: list[Record] = []
        self._traceback = ""  # of the newest failure that has one
        for record in engine.records():
            self._add_duration(record)
        pending = engine.pending()
        self._retry.extend(job for job in pending if not self.recover_result(job))
        self.recovered = len(pending) - len(self._retry)

    def limit_s(self, job: Candidate) -> float:
        """Return the time limit of a job as of now, seconds; infinite where it is not known."""
        return self._timeouts.limit_s(job.rung)

    def complete(self, job: Candidate, outcome: Outcome) -> None:
        """Record an outcome. Its result file is written before the ledger refers to it.

        Raises:
            TooManyFailuresError: If more candidates failed in a row than may; this one is
                recorded.
            ValueError, OSError: As `JobQueue.complete`.
        """
        self._traceback = outcome.traceback or self._traceback
        super().complete(job, outcome)
        if len(self._failures_in_a_row) > self.limits.max_failures:
            raise TooManyFailuresError(self._failures_in_a_row, self._traceback)

    def _new_job(self) -> Candidate | None:
        return self._engine.ask()

    def _record(self, job: Candidate, outcome: Outcome) -> Record:
        record = self._engine.tell(job, outcome)
        self._add_duration(record)
        if outcome.state is State.FAIL:
            self._failures_in_a_row.append(record)
        else:
            self._failures_in_a_row.clear()
        return record

    def _record_death(self, job: Candidate, reason: str) -> bool:
        return self._engine.worker_died(job, reason)

    def _add_duration(self, record: Record) -> None:
        if record.outcome.state is State.COMPLETE:
            self._timeouts.add_duration(record.rung, record.outcome.seconds)
