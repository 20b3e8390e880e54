"""The engine as a Ray Tune searcher, for a `Tuner` of one's own too."""

import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ray.tune.search import Searcher

from nas.candidate import Candidate, Outcome, State
from nas.engine.dispatcher import Desk, WorkerError
from nas.execution.ray_trainable import CRASH, MACHINE, OUTCOME, TROUBLE
from nas.metrics import Metrics


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


def _outcome(result: Mapping[str, Any]) -> Outcome:
    """Return the outcome that a trial reports: ours whole, or one made of a foreign reward."""
    if OUTCOME in result:
        return Outcome.from_dict(json.loads(result[OUTCOME]))
    reward = result["reward"]
    if not math.isfinite(reward):
        return Outcome.failed(f"reward is {reward}")
    numbers = {n: v for n, v in result.items() if isinstance(v, int | float) and math.isfinite(v)}
    return Outcome(state=State.COMPLETE, reward=reward, metrics=Metrics.from_dict(numbers))
