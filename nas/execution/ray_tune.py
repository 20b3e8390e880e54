"""Executes a search's candidates with Ray Tune, for users of Ray Tune."""

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any

import ray
from ray import cloudpickle, tune
from ray.tune.experiment import Trial

from nas.dispatch.job_queue import JobQueue
from nas.dispatch.result_files import Evaluate
from nas.execution.ray_actors import NoWorkerNotice
from nas.execution.ray_searcher import CandidateTrainable, EngineSearcher
from trainer.cluster.ray_session import RaySession
from trainer.stop_signals import StopRequest, stop_signals


def run_with_tune(
    queue: JobQueue, session: RaySession, make_evaluator: Callable[[], Evaluate]
) -> Signals | None:
    """Execute jobs until the queue has no more with Ray Tune.

    Arguments, result and exceptions are those of `run_with_actors`. A trial is a candidate; a
    search with several rungs needs `run_with_actors`.
    """
    searcher = EngineSearcher(queue)
    resources = {"cpu": 1, "gpu": session.gpus_per_worker}
    trainable = tune.with_parameters(
        CandidateTrainable,
        make_evaluator=cloudpickle.dumps(make_evaluator),
        results=queue.results,
        workers=session.workers,
        memory_bytes=queue.limits.worker_memory_bytes,
    )
    with stop_signals() as stop, _quiet_storage(session) as storage:
        tuner = tune.Tuner(
            tune.with_resources(trainable, resources),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=-1,
                max_concurrent_trials=session.workers,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="search",
                storage_path=str(storage),
                failure_config=tune.FailureConfig(max_failures=0),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                callbacks=[_Supervisor(stop, session, searcher, NoWorkerNotice(queue.observer))],
                verbose=0,
            ),
        )
        try:
            with suppress(_StoppedError):
                tuner.fit()
        finally:
            if searcher.failure is not None:
                raise searcher.failure
    for job in searcher.running:
        queue.recover_result(job)
    return stop.signal


class _StoppedError(Exception):
    """Ends a Tune run from within."""


@dataclass(eq=False)
class _Supervisor(tune.Callback):  # type: ignore[misc]
    """Looks after a Tune run between two of its steps.

    It ends the run after a stop signal, a failure or the death of Ray, kills the processes of
    trials that exceed their time limit, and notes that no trial has a process.
    """

    stop: StopRequest
    session: RaySession
    searcher: EngineSearcher
    notice: NoWorkerNotice

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002 (Tune's signature)
        self.searcher.trial_started(trial.trial_id)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:  # noqa: ARG002 (Tune's signature)
        if self.stop.requested() or self.searcher.failure:
            raise _StoppedError
        overdue = self.searcher.take_overdue()
        for trial in trials:
            if trial.trial_id in overdue and trial.temporary_state.ray_actor is not None:
                ray.kill(trial.temporary_state.ray_actor)
        try:
            self.session.require_alive()
        except OSError as error:
            self.searcher.failure = error
            raise
        self.notice.update(any_running=any(one.status == Trial.RUNNING for one in trials))

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing to Tune, which pickles its callbacks with its settings."""
        return {}


@contextmanager
def _quiet_storage(session: RaySession) -> Iterator[Path]:
    """Give Tune a temporary folder for its snapshots, and silence its output."""
    os.environ |= {
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        "RAY_AIR_NEW_OUTPUT": "0",
    }
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="tune-", dir=session.folder) as folder:
        try:
            yield Path(folder)
        finally:
            logger.setLevel(level)
