"""A fixed list of trainings, done by a search's workers; what is on file stays."""

import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from signal import Signals

import torch

from nas.candidate import Candidate, Outcome
from nas.engine.engine import MAX_DEATHS
from nas.engine.limits import Limits
from nas.engine.result_files import Evaluate
from nas.evaluation.evaluator import EvaluatorFactory, proxy_task
from nas.execution.ray_actors import POLL_S
from nas.execution.ray_pool import RayWorkerPool
from nas.finalists.training import Training, TrainingResults, as_training
from trainer.cluster.ray_session import RaySession
from trainer.stop_signals import stop_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainingFactory:
    """Makes the function that turns trainings into outcomes, once in every worker process.

    Attributes:
        base: What the search's own workers use.
    """

    base: EvaluatorFactory

    def __call__(self) -> Evaluate:
        """Open the images and settle the device; called in the worker."""
        torch.set_num_threads(1)
        task = proxy_task(self.base.config, self.base.space, self.base.images)

        def evaluate(training: Candidate) -> Outcome:
            one = as_training(training)
            own = {"seed": one.seed, "epochs": one.epochs}
            config = task.config.model_copy(update=own)
            return self.base.outcome(one, replace(task, config=config))

        return evaluate


def missing_trainings(
    trainings: Sequence[Training], results: TrainingResults
) -> tuple[Training, ...]:
    """Return the trainings that have no file yet, in their order.

    Raises:
        ValueError: If there is a damaged file; the message names it.
    """
    return tuple(training for training in trainings if results.find(training) is None)


def run_trainings(
    session: RaySession,
    make_evaluate: Callable[[], Evaluate],
    trainings: Sequence[Training],
    *,
    results: TrainingResults,
    on_done: Callable[[Training, Outcome], None],
    on_note: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    limits: Limits = Limits(),  # noqa: B008 (it is frozen)
    timeout_s: float = math.inf,
) -> Signals | None:
    """Do what is missing of `trainings`. Whatever `on_done` was told of is on disk.

    A training whose worker dies is done again, `nas.engine.MAX_DEATHS` times at most; then it
    has failed. A kill at any moment loses only what was in training.

    Args:
        session: Where the workers run, and how many.
        make_evaluate: Called once in every worker process, such as a `RetrainingFactory`.
        trainings: All different.
        results: Where workers leave their outcomes.
        on_done: Called with each training that comes to its end here.
        on_note: Told a line when no worker has been up for a while, and when one is again.
        limits: How many go out at once, and what memory a worker may hold.
        timeout_s: A training that takes longer has failed.

    Returns:
        The signal that stopped it early, or None.

    Raises:
        WorkerError: If a worker raised an exception; carries its traceback.
        ValueError: If a file of the results is damaged.
        OSError: If a result cannot be written.
    """
    waiting = deque(missing_trainings(trainings, results))
    if not waiting:
        return None
    deaths: Counter[str] = Counter()
    most = limits.max_concurrent or session.workers
    memory = limits.worker_memory_bytes
    with (
        stop_signals() as stop,
        RayWorkerPool(
            session, make_evaluate, results, memory_bytes=memory, on_note=on_note
        ) as pool,
    ):
        while not stop.requested() and (waiting or pool.in_flight):
            while waiting and pool.has_room and len(pool.in_flight) < most:
                pool.submit(waiting.popleft())
            came = pool.wait(POLL_S)
            overdue = pool.stop_overdue(lambda _: timeout_s)
            came += [(one, _overdue(seconds)) for one, seconds in overdue]
            for candidate, what in came:
                training = as_training(candidate)
                outcome = results.find(training) or _end(training, what, deaths)
                if outcome is None:
                    waiting.append(training)
                    continue
                if results.find(training) is None:
                    results.save(training, outcome)
                results.save_traceback(training, outcome)
                results.settle(training)
                on_done(training, outcome)
    return stop.signal


def _overdue(seconds: float) -> Outcome:
    return Outcome.failed(f"timeout: not done after {seconds:.0f} s", seconds=seconds)


def _end(training: Training, what: Outcome | str, deaths: Counter[str]) -> Outcome | None:
    """Return how a training ended; None for a death after which it is tried again."""
    if isinstance(what, Outcome):
        return what
    deaths[training.label] += 1
    if deaths[training.label] < MAX_DEATHS:
        return None
    return Outcome.failed(f"worker died {MAX_DEATHS} times: {what}")
