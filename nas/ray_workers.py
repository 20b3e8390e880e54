"""A pool of Ray actors: it executes and decides nothing."""

import os
import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager
from signal import Signals
from typing import Any

from nas.candidate import Candidate, Outcome, Record
from nas.desk import Desk, WorkerError
from nas.engine import Engine
from nas.ray_session import RaySession
from nas.results import Evaluate, Results
from nas.stopping import stop_signals

POLL_S = 0.5  # how long a signal may go unnoticed while nothing else happens


def run_with_actors(
    engine: Engine,
    session: RaySession,
    make_evaluate: Callable[[], Evaluate],
    *,
    results: Results,
    on_told: Callable[[Record], None],
) -> Signals | None:
    """Search until the engine has nothing more.

    Args:
        engine: Decides.
        session: Where the workers run, and how many.
        make_evaluate: Called once in every worker process; what it returns turns candidates
            into outcomes. An exception out of it is nobody's result: it ends the search.
        results: Where workers leave their outcomes.
        on_told: Called with each candidate that comes to an end.

    Returns:
        The signal that stopped the search early, or None. Finished candidates are safe either
        way, and those in flight go out again in the next session.

    Raises:
        WorkerError: If a worker raised an exception; carries its traceback.
        ValueError: If nothing can be proposed, or a file of the results is damaged.
        OSError: If the ledger or a result cannot be written.
    """
    desk = Desk(engine, results, on_told=on_told)
    with stop_signals() as wish, RayWorkerPool(session, make_evaluate, results) as pool:
        while not wish:
            while pool.has_room and (candidate := desk.next()) is not None:
                pool.submit(candidate)
            if not pool.in_flight:
                break
            for candidate, outcome in pool.wait(POLL_S):
                if isinstance(outcome, Outcome):
                    desk.done(candidate, outcome)
                else:
                    desk.died(candidate, outcome)
        left = pool.in_flight
    for candidate in left:
        desk.take_found(candidate)
    return wish.signal


class RayWorkerPool(AbstractContextManager["RayWorkerPool"]):
    """Actors that evaluate one candidate each at a time; a dead one is replaced.

    An actor is replaced rather than restarted by Ray: calls to a restarting actor fail, and
    each would count as a death of a candidate that never ran.
    """

    def __init__(
        self, session: RaySession, make_evaluate: Callable[[], Evaluate], results: Results
    ) -> None:
        """Start the workers; they come up while the first candidates already wait for them."""
        import ray  # here, because a session sets Ray's environment before Ray is imported

        self._ray = ray
        self._make = ray.put(ray.cloudpickle.dumps(make_evaluate))
        self._results = results
        self._actor_class = ray.remote(
            num_cpus=1, num_gpus=session.gpus_per_worker, max_restarts=0, max_task_retries=0
        )(_Worker)
        self._idle = [self._start() for _ in range(session.workers)]
        self._running: dict[Any, tuple[Any, Candidate]] = {}

    @property
    def has_room(self) -> bool:
        """Whether a worker is idle."""
        return bool(self._idle)

    @property
    def in_flight(self) -> tuple[Candidate, ...]:
        """Candidates that were submitted and have not come back."""
        return tuple(candidate for _, candidate in self._running.values())

    def submit(self, candidate: Candidate) -> None:
        """Give a candidate to an idle worker."""
        actor = self._idle.pop()
        self._running[actor.evaluate.remote(candidate)] = (actor, candidate)

    def wait(self, timeout_s: float) -> list[tuple[Candidate, Outcome | str]]:
        """Return what came back within the time: an outcome each, or why its worker died.

        Raises:
            WorkerError: If a worker raised an exception.
            OSError: If a worker could not read or write a file.
        """
        ready, _ = self._ray.wait(list(self._running), timeout=timeout_s)
        return [self._collect(reference) for reference in ready]

    def __exit__(self, *error: object) -> None:
        """Kill the workers, whatever they are at."""
        for actor in [*self._idle, *(actor for actor, _ in self._running.values())]:
            self._ray.kill(actor)

    def _start(self) -> Any:
        return self._actor_class.remote(self._make, self._results)

    def _collect(self, reference: Any) -> tuple[Candidate, Outcome | str]:
        actor, candidate = self._running.pop(reference)
        errors = self._ray.exceptions
        try:
            outcome = self._ray.get(reference)
        except errors.RayTaskError as error:
            self._idle.append(actor)
            if isinstance(error.cause, OSError):
                raise error.cause from error
            raise WorkerError(f"candidate {candidate.number}: {error}") from None
        except errors.RayError as error:
            if getattr(error, "actor_init_failed", False):
                raise WorkerError(f"a worker could not start: {error}") from None
            self._ray.kill(actor)
            self._idle.append(self._start())
            return candidate, " ".join(str(error).split())
        self._idle.append(actor)
        return candidate, outcome


class _Worker:
    """What lives in an actor's process."""

    def __init__(self, pickled_make_evaluate: bytes, results: Results) -> None:
        for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"  # read when torch is imported, which is later
        self._pickled, self._results = pickled_make_evaluate, results
        self._evaluate: Evaluate | None = None

    def evaluate(self, candidate: Candidate) -> Outcome:
        if self._evaluate is None:  # here, because an error in a constructor kills an actor
            make_evaluate: Callable[[], Evaluate] = pickle.loads(self._pickled)
            self._evaluate = make_evaluate()
        return self._results.obtain(candidate, self._evaluate)
