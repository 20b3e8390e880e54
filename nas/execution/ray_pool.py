"""A pool of Ray actors that evaluate one job at a time and are replaced when they die."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from nas.candidate import Candidate, Outcome
from nas.dispatch.job_queue import JobQueue, WorkerError
from nas.dispatch.result_files import Evaluate
from nas.evaluation.safe_evaluation import WorkerReport
from nas.execution.no_worker_notice import NoWorkerNotice
from nas.execution.ray_worker import Worker
from trainer.cluster.ray_session import RaySession

MAX_FAILED_STARTS = 10  # workers that may die in a row before one of them was ready


class RayWorkerPool(AbstractContextManager["RayWorkerPool"]):
    """Actors that evaluate one job at a time; a dead actor is replaced.

    An actor is replaced, not restarted by Ray: calls to a restarting actor fail, and each
    would count as a death under a job that never ran. A job goes to a worker that is ready,
    never to one that Ray still has to place: on a cluster that lost a node it would wait there
    while other workers are idle. Workers that become ready later are used from then on.
    """

    def __init__(
        self, session: RaySession, make_evaluate: Callable[[], Evaluate], queue: JobQueue
    ) -> None:
        """Start the workers; `wait` takes in those that are ready.

        Args:
            session: Where, and how many.
            make_evaluate: Called once in every worker process.
            queue: Its result files, limits and observer are used.

        Raises:
            ValueError: If the queue has no result files.
        """
        import ray  # here, because a session sets Ray's environment before Ray is imported

        self._ray = ray
        self._make = ray.put(ray.cloudpickle.dumps(make_evaluate))
        if queue.results is None:
            raise ValueError("RayWorkerPool.queue must have result files, got None")
        self._session, self._queue, self._results = session, queue, queue.results
        self._actor_class = ray.remote(
            num_cpus=1, num_gpus=session.gpus_per_worker, max_restarts=0, max_task_retries=0
        )(Worker)
        self._idle: list[Any] = []
        self._running: dict[Any, tuple[Any, Candidate]] = {}
        self._since: dict[Any, float] = {}  # when jobs were submitted, monotonic seconds
        self._starting: dict[Any, Any] = {}
        self._failed_starts = 0
        self._notice = NoWorkerNotice(queue.observer)
        for _ in range(session.workers):
            self._start()

    @property
    def has_room(self) -> bool:
        """Whether a worker is ready and idle."""
        return bool(self._idle)

    @property
    def in_flight(self) -> tuple[Candidate, ...]:
        """Jobs that were submitted and have no result yet."""
        return tuple(job for _, job in self._running.values())

    def submit(self, job: Candidate) -> None:
        """Give a job to an idle worker."""
        actor = self._idle.pop()
        reference = actor.evaluate.remote(job)
        self._running[reference] = (actor, job)
        self._since[reference] = time.monotonic()

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
        return [self._collect(reference) for reference in finished if reference in self._running]

    def stop_overdue(self) -> list[tuple[Candidate, float]]:
        """Kill the workers whose jobs exceed their limit; return the jobs and their seconds."""
        now, stopped = time.monotonic(), []
        for reference, since in list(self._since.items()):
            if now - since > self._queue.limit_s(self._running[reference][1]):
                actor, job = self._forget(reference)
                self._replace(actor)
                stopped.append((job, now - since))
        return stopped

    def __exit__(self, *error: object) -> None:
        """Kill the workers, also those that are busy."""
        working = (actor for actor, _ in self._running.values())
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
        """Take in a worker that is ready, or start another for one that died before."""
        actor = self._starting.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS or _cannot_start(error):
                raise WorkerError(f"a worker could not start: {error}") from None
            self._start()
        else:
            self._failed_starts = 0
            self._idle.append(actor)

    def _collect(self, reference: Any) -> tuple[Candidate, Outcome | str]:
        actor, job = self._forget(reference)
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

    def _forget(self, reference: Any) -> tuple[Any, Candidate]:
        del self._since[reference]
        return self._running.pop(reference)

    def _replace(self, actor: Any) -> None:
        self._ray.kill(actor)
        self._start()


def _cannot_start(error: Exception) -> bool:
    """Whether the constructor raised, as that of the next actor would."""
    return bool(getattr(error, "actor_init_failed", False))
