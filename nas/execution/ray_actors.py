"""Executes the jobs of a queue on a pool of Ray actors. It decides nothing."""

from collections.abc import Callable
from signal import Signals

from nas.candidate import Outcome
from nas.dispatch.job_queue import JobQueue
from nas.dispatch.result_files import Evaluate
from nas.execution.ray_pool import RayWorkerPool
from trainer.cluster.ray_session import RaySession
from trainer.stop_signals import stop_signals

POLL_S = 0.5  # longest delay before a stop signal is noticed


def run_with_actors(
    queue: JobQueue, session: RaySession, make_evaluate: Callable[[], Evaluate]
) -> Signals | None:
    """Execute jobs until the queue has no more.

    Args:
        queue: Hands out jobs and takes in their outcomes; it has result files.
        session: Where the workers run, and how many.
        make_evaluate: Called once in every worker process; what it returns turns jobs into
            outcomes. An exception from `make_evaluate` ends the run; an exception from what it
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
    with stop_signals() as stop, RayWorkerPool(session, make_evaluate, queue) as pool:
        while not stop.requested():
            while pool.has_room and (job := queue.next_job()) is not None:
                pool.submit(job)
            if not pool.in_flight and (pool.has_room or queue.time_is_up):
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
