"""The same engine behind Ray Tune, for those who live there: a searcher and a trainable."""

import json
import logging
import math
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import Signals
from typing import Any

import ray
from ray import cloudpickle, tune
from ray.tune.search import Searcher

from nas.candidate import Candidate, Outcome, Record, State
from nas.desk import Desk, WorkerError
from nas.engine import Engine
from nas.limits import Limits
from nas.ray_trainable import CRASH, MACHINE, OUTCOME, TROUBLE, CandidateTrainable
from nas.results import Evaluate, Results
from nas.stopping import StopWish, stop_signals
from trainer.ray_session import RaySession


class EngineSearcher(Searcher):  # type: ignore[misc]
    """An `Engine` as a Ray Tune searcher: ``TuneConfig(search_alg=EngineSearcher(Desk(engine)))``.

    A trial's config is a candidate: ``number``, ``key`` and ``choices``. A trainable of one's
    own reports a ``reward``; its other numbers become metrics. A trial whose process died is
    proposed again, so leave Tune's ``max_failures`` at 0 and set ``num_samples=-1``: the
    engine's budget ends the search. To resume, run the same again over the same ledger; it
    holds the state, and Tune's own snapshots hold none of it.

    Attributes:
        failure: What has to end the search, and would be lost in Tune's event loop; or None.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__(metric="reward", mode="max")
        self.failure: Exception | None = None
        self._desk = desk
        self._running: dict[str, Candidate] = {}
        self._since: dict[str, float] = {}  # when trials began, monotonic seconds
        self._stopped: dict[str, float] = {}  # seconds after which trials were stopped

    def began(self, trial_id: str) -> None:
        """Take note that a trial's process is at its candidate."""
        self._since[trial_id] = time.monotonic()

    def take_overdue(self) -> list[str]:
        """Return the trials that took too long, each once; their processes are to be killed."""
        now = time.monotonic()
        overdue = [
            trial_id
            for trial_id, since in self._since.items()
            if now - since > self._desk.limit_s(self._running[trial_id])
            and trial_id not in self._stopped
        ]
        self._stopped |= {trial_id: now - self._since[trial_id] for trial_id in overdue}
        return overdue

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """Return the next candidate, None for not now, or the word that ends the search."""
        with self._noting_failure():
            candidate = self._desk.next()
        if candidate is not None:
            self._running[trial_id] = candidate
            return candidate.to_dict()
        return Searcher.FINISHED if self._desk.is_done else None

    def on_trial_complete(
        self, trial_id: str, result: Mapping[str, Any] | None = None, error: bool = False
    ) -> None:
        """Take in a trial's result, or that its process died."""
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
                self._desk.timed_out(candidate, stopped_after)
            elif error or result is None:
                self._desk.died(candidate, "the trial's process died")
            elif result.get(TROUBLE):
                self._desk.died(candidate, result[TROUBLE])
            else:
                self._desk.done(candidate, _outcome(result))

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


def run_with_tune(
    engine: Engine,
    session: RaySession,
    make_evaluate: Callable[[], Evaluate],
    *,
    results: Results,
    on_told: Callable[[Record], None],
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
    with stop_signals() as wish, _quiet_storage(session) as storage:
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
                callbacks=[_Stopper(wish, searcher)],
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
    return wish.signal


class _StoppedError(Exception):
    """Ends a Tune run from within."""


class _Stopper(tune.Callback):  # type: ignore[misc]
    """Ends a Tune run between two of its steps, when somebody wants it or something failed."""

    def __init__(self, wish: StopWish, searcher: EngineSearcher) -> None:
        self._wish, self._searcher = wish, searcher

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:  # noqa: ARG002 (Tune's signature)
        self._searcher.began(trial.trial_id)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:  # noqa: ARG002 (Tune's signature)
        if self._wish or self._searcher.failure:
            raise _StoppedError
        if overdue := self._searcher.take_overdue():
            for trial in trials:
                if trial.trial_id in overdue and trial.temporary_state.ray_actor is not None:
                    ray.kill(trial.temporary_state.ray_actor)


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


def _outcome(result: Mapping[str, Any]) -> Outcome:
    """Return the outcome that a trial reports: ours whole, or one made of a foreign reward."""
    if OUTCOME in result:
        return Outcome.from_dict(json.loads(result[OUTCOME]))
    reward = result["reward"]
    if not math.isfinite(reward):
        return Outcome.failed(f"reward is {reward}")
    metrics = {n: v for n, v in result.items() if isinstance(v, int | float) and math.isfinite(v)}
    return Outcome(state=State.COMPLETE, reward=reward, metrics=metrics)
