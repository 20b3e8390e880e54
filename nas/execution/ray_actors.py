"""A pool of Ray actors, and the loop that gives them the jobs of a queue."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from signal import Signals
from typing import Any

from nas.candidate import Candidate, Outcome
from nas.dispatch.job_queue import JobObserver, JobQueue, WorkerError
from nas.dispatch.result_files import Evaluate
from nas.evaluation.worker import Worker, WorkerReport
from nas.execution.device_notice import DeviceNotice
from trainer.cluster.ray_session import RaySession
from trainer.device.foreign_timer import foreign_timer
from trainer.stop_signals import stop_signals

POLL_S = 0.5  # longest delay before a stop signal is noticed
PATIENCE_S = 60.0  # without a worker; those of a busy machine take tens of seconds to start
MAX_FAILED_STARTS = 10  # workers that may die in a row before one of them was ready


def run_with_actors(
    queue: JobQueue, session: RaySession, make_evaluator: Callable[[], Evaluate]
) -> Signals | None:
    """Execute jobs until the queue has no more.

    Args:
        queue: Hands out jobs and records their outcomes; it has result files.
        session: Where the workers run, and how many.
        make_evaluator: Called once in every worker process; what it returns turns jobs into
            outcomes. An exception from `make_evaluator` ends the run; an exception from what it
            returns is a failure of that candidate.

    Returns:
        The signal that stopped the run early, or None. Finished jobs are on disk either way,
        and the jobs in flight are handed out again in the next session.

    Raises:
        WorkerError: If a worker could not be made ready; carries its traceback.
        TooManyFailuresError: If more candidates failed in a row than may.
        ValueError: If nothing can be proposed, or a result file is damaged.
        OSError: If the ledger or a result cannot be written.
    """
    with stop_signals() as stop, RayWorkerPool(session, make_evaluator, queue) as pool:
        while not stop.requested():
            while pool.has_room and (job := queue.next_job()) is not None:
                pool.submit(job)
            if not pool.in_flight and (pool.has_room or queue.limits.time_is_up):
                break  # a worker is idle, and there is no job
            for job, outcome in pool.wait(POLL_S):
                if isinstance(outcome, Outcome):
                    queue.complete(job, outcome)
                else:
                    queue.worker_died(job, outcome)
            for job, seconds in pool.stop_overdue():
                queue.timed_out(job, seconds)
        left = pool.in_flight
    for job in left:
        queue.recover_result(job)
    return stop.signal


class RayWorkerPool(AbstractContextManager["RayWorkerPool"]):
    """Actors that evaluate one job at a time; a dead actor is replaced.

    An actor is replaced, not restarted by Ray: calls to a restarting actor fail, and each
    would count as a death under a job that never ran. A job goes to a worker that is ready,
    never to one that Ray still has to place: on a cluster that lost a node it would wait there
    while other workers are idle. Workers that become ready later are used from then on.
    """

    def __init__(
        self, session: RaySession, make_evaluator: Callable[[], Evaluate], queue: JobQueue
    ) -> None:
        """Start the workers; `wait` adds those that are ready. See `run_with_actors`.

        Raises:
            ValueError: If the queue has no result files.
        """
        import ray  # here, because a session sets Ray's environment before Ray is imported

        self._ray = ray
        self._make = ray.put(ray.cloudpickle.dumps(make_evaluator))
        if queue.results is None:
            raise ValueError("RayWorkerPool.queue must have result files, got None")
        self._session, self._queue, self._results = session, queue, queue.results
        self._actor_class = ray.remote(
            num_cpus=1, num_gpus=session.gpus_per_worker, max_restarts=0, max_task_retries=0
        )(Worker)
        self._idle: list[Any] = []
        # Reference -> actor, job, and when it was submitted, monotonic seconds.
        self._running: dict[Any, tuple[Any, Candidate, float]] = {}
        self._starting: dict[Any, Any] = {}
        self._failed_starts = 0
        self._notice = NoWorkerNotice(queue.observer)
        kind = "gpu" if session.gpus_per_worker else "cpu"
        # The workers of a cluster are on other hosts too.
        look = (lambda: "") if session.folder is None else partial(foreign_timer, kind)
        self._device_notice = DeviceNotice(queue.observer, look)
        for _ in range(session.workers):
            self._start()

    @property
    def has_room(self) -> bool:
        """Whether a worker is ready and idle."""
        return bool(self._idle)

    @property
    def in_flight(self) -> tuple[Candidate, ...]:
        """Jobs that were submitted and have no result yet."""
        return tuple(job for _, job, _ in self._running.values())

    def submit(self, job: Candidate) -> None:
        """Give a job to an idle worker."""
        actor = self._idle.pop()
        self._running[actor.evaluate.remote(job)] = (actor, job, time.monotonic())

    def wait(self, timeout_s: float) -> list[tuple[Candidate, Outcome | str]]:
        """Return each job that finished within the time, with its outcome or why its worker died.

        It returns early, and maybe empty, when a worker becomes ready.

        Raises:
            WorkerError: If a worker raised an exception.
            OSError: If a worker could not read or write a file, or Ray itself died.
        """
        self._session.require_alive()
        finished, _ = self._ray.wait([*self._running, *self._starting], timeout=timeout_s)
        for reference in finished:
            if reference in self._starting:
                self._finish_start(reference)
        self._notice.update(any_running=bool(self._idle or self._running))
        if self._running:
            self._device_notice.update()
        return [self._collect(reference) for reference in finished if reference in self._running]

    def stop_overdue(self) -> list[tuple[Candidate, float]]:
        """Kill the workers whose jobs exceed their limit; return the jobs and their seconds."""
        now, stopped = time.monotonic(), []
        for reference, (actor, job, since) in list(self._running.items()):
            if now - since > self._queue.limit_s(job):
                del self._running[reference]
                self._replace(actor)
                stopped.append((job, now - since))
        return stopped

    def __exit__(self, *error: object) -> None:
        """Kill the workers, also those that are busy."""
        working = (actor for actor, _, _ in self._running.values())
        for actor in [*self._idle, *working, *self._starting.values()]:
            self._ray.kill(actor)

    def _start(self) -> None:
        actor = self._actor_class.remote(
            self._make,
            self._results,
            workers=self._session.workers,
            memory_bytes=self._queue.limits.worker_memory_bytes,
        )
        self._starting[actor.ready.remote()] = actor

    def _finish_start(self, reference: Any) -> None:
        """Add a worker that is ready, or start another for one that died before."""
        actor = self._starting.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._failed_starts += 1
            # An error of the constructor is one of the next actor's constructor too.
            cannot_start = getattr(error, "actor_init_failed", False)
            if self._failed_starts >= MAX_FAILED_STARTS or cannot_start:
                raise WorkerError(f"a worker could not start: {error}") from None
            self._start()
        else:
            self._failed_starts = 0
            self._idle.append(actor)

    def _collect(self, reference: Any) -> tuple[Candidate, Outcome | str]:
        actor, job, _ = self._running.pop(reference)
        errors = self._ray.exceptions
        try:
            report: WorkerReport = self._ray.get(reference)
        except errors.RayTaskError as error:
            self._idle.append(actor)
            if isinstance(error.cause, OSError):
                raise error.cause from error
            raise WorkerError(f"candidate {job.number}: {error}") from None
        except errors.RayError as error:
            self._replace(actor)
            return job, " ".join(str(error).split())
        if report.reusable:
            self._idle.append(actor)
        else:
            self._replace(actor)
        return job, report.outcome or report.machine_error

    def _replace(self, actor: Any) -> None:
        self._ray.kill(actor)
        self._start()


class NoWorkerNotice:
    """Notes once that no worker has run for a while, and that a worker runs again."""

    def __init__(self, observer: JobObserver) -> None:
        """Start to wait for the first worker; `observer` receives the notes."""
        self._observer = observer
        self._since, self._is_noted = time.monotonic(), False

    def update(self, *, any_running: bool) -> None:
        """Record whether any worker runs at this moment."""
        now = time.monotonic()
        if any_running:
            if self._is_noted:
                self._observer.note("a worker runs again")
            self._since, self._is_noted = now, False
        elif not self._is_noted and now - self._since > PATIENCE_S:
            self._is_noted = True
            self._observer.note(
                f"no worker has run for {now - self._since:.0f} s: Ray has no resources for one "
                f"or is slow to start one; the search continues when one runs (`ray status` of a "
                f"cluster shows its nodes)"
            )
