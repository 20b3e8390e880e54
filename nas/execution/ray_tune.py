"""A search whose candidates go to Ray Tune, for those who live there."""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import Signals
from typing import Any

import ray
from ray import cloudpickle, tune
from ray.tune.experiment import Trial

from nas.candidate import Record
from nas.engine.dispatcher import Desk
from nas.engine.engine import Engine
from nas.engine.limits import Limits
from nas.engine.result_files import Evaluate, Results
from nas.execution.ray_searcher import EngineSearcher
from nas.execution.ray_trainable import CandidateTrainable
from nas.execution.worker_watch import Vacancy
from trainer.cluster.ray_session import RaySession
from trainer.stop_signals import StopRequest, stop_signals


def run_with_tune(
    engine: Engine,
    session: RaySession,
    make_evaluate: Callable[[], Evaluate],
    *,
    results: Results,
    on_told: Callable[[Record], None],
    on_note: Callable[[str], None] = lambda line: None,  # noqa: ARG005
    limits: Limits = Limits(),  # noqa: B008 (it is frozen)
) -> Signals | None:
    """Search until the engine has nothing more; the twin of `run_with_actors`, over Ray Tune.

    Returns:
        The signal that stopped the search early, or None.

    Raises:
        WorkerError: If a worker could not be made ready; carries its traceback.
        TooManyFailuresError: If more candidates failed in a row than may.
        ValueError: If nothing can be proposed, or a file of the results is damaged.
        OSError: If the ledger or a result cannot be written.
    """
    desk = Desk(engine, results, limits=limits, on_told=on_told)
    searcher = EngineSearcher(desk)
    resources = {"cpu": 1, "gpu": session.gpus_per_worker}
    trainable = tune.with_parameters(
        CandidateTrainable,
        pickled_make_evaluate=cloudpickle.dumps(make_evaluate),
        results=results,
        workers=session.workers,
        memory_bytes=limits.worker_memory_bytes,
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
                callbacks=[
                    _Stopper(stop, searcher),
                    _Watcher(session, searcher, Vacancy(on_note)),
                ],
                verbose=0,
            ),
        )
        try:
            with suppress(_StoppedError):
                tuner.fit()
        finally:
            if searcher.failure is not None:
                raise searcher.failure
    for candidate in engine.pending():
        desk.take_found(candidate)
    return stop.signal


class _StoppedError(Exception):
    """Ends a Tune run from within."""


class _Stopper(tune.Callback):  # type: ignore[misc]
    """Ends a Tune run between two of its steps, when somebody wants it or something failed."""

    def __init__(self, stop: StopRequest, searcher: EngineSearcher) -> None:
        self._stop, self._searcher = stop, searcher

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002 (Tune's signature)
        self._searcher.began(trial.trial_id)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:  # noqa: ARG002 (Tune's signature)
        if self._stop.requested() or self._searcher.failure:
            raise _StoppedError
        if overdue := self._searcher.take_overdue():
            for trial in trials:
                if trial.trial_id in overdue and trial.temporary_state.ray_actor is not None:
                    ray.kill(trial.temporary_state.ray_actor)


class _Watcher(tune.Callback):  # type: ignore[misc]
    """Looks after every step of a Tune run whether Ray lives, and any trial has a process."""

    def __init__(self, session: RaySession, searcher: EngineSearcher, vacancy: Vacancy) -> None:
        self._session, self._searcher, self._vacancy = session, searcher, vacancy

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:  # noqa: ARG002 (Tune's signature)
        try:
            self._session.require_alive()
        except OSError as error:
            self._searcher.failure = error
            raise
        self._vacancy.tell(is_somebody_up=any(one.status == Trial.RUNNING for one in trials))

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing to Tune, which pickles its callbacks with its settings."""
        return {}


@contextmanager
def _quiet_storage(session: RaySession) -> Iterator[Path]:
    """Give Tune a folder for its snapshots, of which nothing is kept, and keep it silent."""
    os.environ |= {
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        "RAY_AIR_NEW_OUTPUT": "0",
    }
    logger = logging.getLogger("ray.tune")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="tune-", dir=session.folder))
    try:
        yield folder
    finally:
        logger.setLevel(level)
        shutil.rmtree(folder)
