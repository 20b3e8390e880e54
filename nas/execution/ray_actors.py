"""A search whose candidates go to Ray actors: it executes and decides nothing."""

from collections.abc import Callable
from signal import Signals

from nas.candidate import Outcome, Record
from nas.engine.dispatcher import Desk
from nas.engine.engine import Engine
from nas.engine.limits import Limits
from nas.engine.result_files import Evaluate, Results
from nas.execution.ray_pool import RayWorkerPool
from trainer.cluster.ray_session import RaySession
from trainer.stop_signals import stop_signals

POLL_S = 0.5  # how long a signal may go unnoticed while nothing else happens


def run_with_actors(
    engine: Engine,
    session: RaySession,
    make_evaluate: Callable[[], Evaluate],
    *,
    results: Results,
    on_told: Callable[[Record], None],
    on_note: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    limits: Limits = Limits(),  # noqa: B008 (it is frozen)
) -> Signals | None:
    """Search until the engine has nothing more.

    Args:
        engine: Decides.
        session: Where the workers run, and how many.
        make_evaluate: Called once in every worker process; what it returns turns candidates
            into outcomes. An exception out of `make_evaluate` ends the search; one out of
            what it returns is that candidate's failure.
        results: Where workers leave their outcomes.
        on_told: Called with each candidate that comes to an end.
        on_note: Told a line when no worker has been up for a while, and when one is again.
        limits: What candidates may take, and when no more are handed out.

    Returns:
        The signal that stopped the search early, or None. Finished candidates are safe either
        way, and those in flight go out again in the next session.

    Raises:
        WorkerError: If a worker could not be made ready; carries its traceback.
        TooManyFailuresError: If more candidates failed in a row than may.
        ValueError: If nothing can be proposed, or a file of the results is damaged.
        OSError: If the ledger or a result cannot be written.
    """
    desk = Desk(engine, results, limits=limits, on_told=on_told)
    memory = limits.worker_memory_bytes
    with (
        stop_signals() as stop,
        RayWorkerPool(
            session, make_evaluate, results, memory_bytes=memory, on_note=on_note
        ) as pool,
    ):
        while not stop.requested():
            while pool.has_room and (candidate := desk.next()) is not None:
                pool.submit(candidate)
            if not pool.in_flight and (pool.has_room or desk.time_is_up):
                break  # a worker is there, and nothing to give it
            for candidate, outcome in pool.wait(POLL_S):
                if isinstance(outcome, Outcome):
                    desk.done(candidate, outcome)
                else:
                    desk.died(candidate, outcome)
            for candidate, seconds in pool.stop_overdue(desk.limit_s):
                desk.timed_out(candidate, seconds)
        left = pool.in_flight
    for candidate in left:
        desk.take_found(candidate)
    return stop.signal
