"""Actors that evaluate one candidate each at a time, and are replaced when they die."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from nas.candidate import Candidate, Outcome
from nas.engine.dispatcher import WorkerError
from nas.engine.result_files import Evaluate, Results
from nas.evaluation.safe_evaluation import Attempt
from nas.execution.ray_worker import Worker
from nas.execution.worker_watch import Vacancy
from trainer.cluster.ray_session import RaySession

MAX_FAILED_STARTS = 10  # workers that may die in a row before one of them was ever up


class RayWorkerPool(AbstractContextManager["RayWorkerPool"]):
    """Actors that evaluate one candidate each at a time; a dead one is replaced.

    An actor is replaced rather than restarted by Ray: calls to a restarting actor fail, and
    each would count as a death of a candidate that never ran. A candidate goes to a worker
    that is up, never to one that Ray has yet to find room for: on a cluster that lost a node
    it would wait there while others idle. Room that comes later is used as it comes.
    """

    def __init__(
        self,
        session: RaySession,
        make_evaluate: Callable[[], Evaluate],
        results: Results,
        *,
        memory_bytes: int | None = None,
        on_note: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    ) -> None:
        """Have the workers started; `wait` takes in those that are up.

        Args:
            session: Where, and how many.
            make_evaluate: Called once in every worker process.
            results: Where workers leave their outcomes.
            memory_bytes: What a worker may hold of its own; None for an equal share of its host.
            on_note: Told a line when no worker has been up for a while, and when one is again.
        """
        import ray  # here, because a session sets Ray's environment before Ray is imported

        self._ray = ray
        self._make = ray.put(ray.cloudpickle.dumps(make_evaluate))
        self._session, self._results, self._memory = session, results, memory_bytes
        self._actor_class = ray.remote(
            num_cpus=1, num_gpus=session.gpus_per_worker, max_restarts=0, max_task_retries=0
        )(Worker)
        self._idle: list[Any] = []
        self._running: dict[Any, tuple[Any, Candidate]] = {}
        self._since: dict[Any, float] = {}  # when candidates went out, monotonic seconds
        self._starting: dict[Any, Any] = {}
        self._failed_starts = 0
        self._vacancy = Vacancy(on_note)
        for _ in range(session.workers):
            self._start()

    @property
    def has_room(self) -> bool:
        """Whether a worker is up and idle."""
        return bool(self._idle)

    @property
    def in_flight(self) -> tuple[Candidate, ...]:
        """Candidates that were submitted and have not come back."""
        return tuple(candidate for _, candidate in self._running.values())

    def submit(self, candidate: Candidate) -> None:
        """Give a candidate to an idle worker."""
        actor = self._idle.pop()
        reference = actor.evaluate.remote(candidate)
        self._running[reference] = (actor, candidate)
        self._since[reference] = time.monotonic()

    def wait(self, timeout_s: float) -> list[tuple[Candidate, Outcome | str]]:
        """Return what came back within the time: an outcome each, or why its worker died.

        It returns early, and maybe empty, when a worker has come up.

        Raises:
            WorkerError: If a worker raised an exception.
            OSError: If a worker could not read or write a file, or Ray itself died.
        """
        self._session.require_alive()
        came, _ = self._ray.wait([*self._running, *self._starting], timeout=timeout_s)
        for reference in came:
            if reference in self._starting:
                self._take_up(reference)
        self._vacancy.tell(is_somebody_up=bool(self._idle or self._running))
        return [self._collect(reference) for reference in came if reference in self._running]

    def stop_overdue(self, limit_s: Callable[[Candidate], float]) -> list[tuple[Candidate, float]]:
        """Kill the workers whose candidates take longer; return those, and what they took."""
        now, stopped = time.monotonic(), []
        for reference, since in list(self._since.items()):
            if now - since > limit_s(self._running[reference][1]):
                actor, candidate = self._forget(reference)
                self._replace(actor)
                stopped.append((candidate, now - since))
        return stopped

    def __exit__(self, *error: object) -> None:
        """Kill the workers, whatever they are at."""
        working = (actor for actor, _ in self._running.values())
        for actor in [*self._idle, *working, *self._starting.values()]:
            self._ray.kill(actor)

    def _start(self) -> None:
        actor = self._actor_class.remote(
            self._make, self._results, workers=self._session.workers, memory_bytes=self._memory
        )
        self._starting[actor.ready.remote()] = actor

    def _take_up(self, reference: Any) -> None:
        """Take in a worker that is up, or start another for one that died before."""
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
        actor, candidate = self._forget(reference)
        errors = self._ray.exceptions
        try:
            tried: Attempt = self._ray.get(reference)
        except errors.RayTaskError as error:
            self._idle.append(actor)
            if isinstance(error.cause, OSError):
                raise error.cause from error
            raise WorkerError(f"candidate {candidate.number}: {error}") from None
        except errors.RayError as error:
            self._replace(actor)
            return candidate, " ".join(str(error).split())
        if tried.is_clean:
            self._idle.append(actor)
        else:
            self._replace(actor)
        return candidate, tried.outcome or tried.trouble

    def _forget(self, reference: Any) -> tuple[Any, Candidate]:
        del self._since[reference]
        return self._running.pop(reference)

    def _replace(self, actor: Any) -> None:
        self._ray.kill(actor)
        self._start()


def _cannot_start(error: Exception) -> bool:
    """Whether the constructor itself raised, as the next one's would."""
    return bool(getattr(error, "actor_init_failed", False))
