"""The engine as a Ray Tune searcher, also for the user's own `Tuner`, and a trainable for it."""

import json
import math
import os
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from nas.candidate import Candidate, Outcome, State
from nas.dispatch.job_queue import JobQueue, WorkerError
from nas.dispatch.result_files import ResultFiles
from nas.engine.job import Job
from nas.evaluation.worker import Worker
from nas.metrics import Metrics

# Keys of a trial's result.
OUTCOME, RETRY, CRASH, MACHINE = "outcome", "retry", "crash", "machine"
NOT_REUSABLE = 4  # exit code of a process that may not evaluate another candidate


class EngineSearcher(Searcher):  # type: ignore[misc]
    """Ray Tune searcher: ``TuneConfig(search_alg=EngineSearcher(Dispatcher(engine)))``.

    A trial's config is a candidate: ``number``, ``key`` and ``choices``. The user's own
    trainable reports a ``reward``; its other numbers become metrics. A trial whose process died
    is proposed again, so leave Tune's ``max_failures`` at 0 and set ``num_samples=-1``: the
    engine's budget ends the search. To resume, run the same script with the same ledger; it
    holds the state, and Tune's own snapshots hold none of it.

    Attributes:
        failure: The exception that ends the search, which Tune's event loop would hide; or None.
    """

    def __init__(self, queue: JobQueue) -> None:
        super().__init__(metric="reward", mode="max")
        self.failure: Exception | None = None
        self._queue = queue
        self._running: dict[str, Candidate] = {}
        self._since: dict[str, float] = {}  # when trials started, monotonic seconds
        self._stopped: dict[str, float] = {}  # seconds after which trials were stopped

    @property
    def running(self) -> tuple[Candidate, ...]:
        """Candidates of the trials that have no result yet."""
        return tuple(self._running.values())

    def trial_started(self, trial_id: str) -> None:
        """Record that a trial's process evaluates its candidate from now on."""
        self._since[trial_id] = time.monotonic()

    def take_overdue(self) -> list[str]:
        """Return each trial that exceeds its limit, once; its process is to be killed."""
        now = time.monotonic()
        overdue = [
            trial_id
            for trial_id, since in self._since.items()
            if now - since > self._queue.limit_s(self._running[trial_id])
            and trial_id not in self._stopped
        ]
        self._stopped |= {trial_id: now - self._since[trial_id] for trial_id in overdue}
        return overdue

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next candidate, None for nothing now, or the value that ends the search."""
        with self._noting_failure():
            candidate = self._queue.next_job()
        if candidate is not None:
            self._running[trial_id] = candidate
            return candidate.to_dict()
        return Searcher.FINISHED if self._queue.is_idle else None

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """Record a trial's result, or the death of its process."""
        candidate = self._running.pop(trial_id, None)
        self._since.pop(trial_id, None)
        stopped_after = self._stopped.pop(trial_id, None)
        if candidate is None or self.failure is not None:
            return
        with self._noting_failure():
            if result is not None and result.get(CRASH):
                raise WorkerError(result[CRASH])
            if result is not None and MACHINE in result:
                raise OSError(result[MACHINE])
            if stopped_after is not None and (error or result is None):
                self._queue.timed_out(candidate, stopped_after)
            elif error or result is None:
                self._queue.worker_died(candidate, "the trial's process died")
            elif result.get(RETRY):
                self._queue.worker_died(candidate, result[RETRY])
            else:
                self._queue.complete(candidate, _outcome(result))

    def on_trial_result(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """Only the last result of a trial counts."""

    def save(self, checkpoint_path: str) -> None:
        """Write nothing: the ledger is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Read nothing: the ledger is the state."""

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.failure = error
            raise

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing of the engine to Tune, which pickles its searcher with its settings."""
        return {}


def _outcome(result: Mapping[str, Any]) -> Outcome:
    """Return the outcome that a trial reports; that of a user's trainable is its reward."""
    if OUTCOME in result:
        return Outcome.from_dict(json.loads(result[OUTCOME]))
    reward = result["reward"]
    if not math.isfinite(reward):
        return Outcome.failed(f"reward is {reward}")
    numbers = {n: v for n, v in result.items() if isinstance(v, int | float) and math.isfinite(v)}
    return Outcome(state=State.COMPLETE, reward=reward, metrics=Metrics.from_dict(numbers))


class CandidateTrainable(tune.Trainable):  # type: ignore[misc]
    """Evaluates one candidate in one step; the process and its evaluator serve many trials."""

    def setup(
        self, config: dict[str, Any], *, make_evaluator: bytes, results: ResultFiles, **worker: Any
    ) -> None:
        """Keep the arguments; an error here would look like the death of a process."""
        self._job, self._results = Job.from_dict(config), results
        self._worker = Worker(make_evaluator, results, **worker)

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
