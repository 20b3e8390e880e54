"""Between the engine and whoever executes: what goes out, what comes in, what died on the way."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from nas.candidate import Candidate, Outcome, Record, State
from nas.engine.engine import MAX_DEATHS, Engine
from nas.engine.limits import Limits, TooManyFailuresError
from nas.engine.result_files import Results
from nas.engine.timeouts import RungClocks


class WorkerError(Exception):
    """An exception in a worker that is no candidate's fault; the message is its traceback."""


class Desk:
    """Hands out candidates and takes outcomes back, the same way for every executor.

    What an earlier session left in flight goes out first, unless a worker finished it after
    that session's death.

    Attributes:
        recovered: Outcomes of earlier sessions that were found in the results folder.
    """

    def __init__(
        self,
        engine: Engine,
        results: Results | None = None,
        *,
        limits: Limits = Limits(),  # noqa: B008 (it is frozen)
        on_told: Callable[[Record], None] = lambda record: None,  # noqa: ARG005
    ) -> None:
        """Take over what is in flight.

        Args:
            engine: Decides.
            results: Where workers leave their outcomes; None for workers that only return them.
            limits: What candidates may take, and when no more are handed out.
            on_told: Called with each candidate that comes to an end.

        Raises:
            ValueError: If a file of the results is damaged.
            OSError: If the ledger cannot be written.
            TooManyFailuresError: As `done`.
        """
        self.recovered = 0
        self._engine, self._results, self._on_told = engine, results, on_told
        self._limits = limits
        self._clocks = RungClocks(limits.timeout)
        for record in engine.records():
            self._learn(record)
        self._failed: list[Record] = []  # in a row, up to now
        self._traceback = ""  # of the newest of them that has one
        self._out: set[int] = set()
        self._again: deque[Candidate] = deque()
        for candidate in engine.pending():
            if self.take_found(candidate):
                self.recovered += 1
            else:
                self._again.append(candidate)

    @property
    def is_done(self) -> bool:
        """Whether nothing is handed out; with `next` saying None, the session is over."""
        return not self._out

    @property
    def time_is_up(self) -> bool:
        """Whether the session's time is over, so that nothing more goes out."""
        return self._limits.time_is_up

    def limit_s(self, candidate: Candidate) -> float:
        """Return how long a candidate may take as of now; infinite where nobody knows."""
        return self._clocks.limit_s(candidate.rung)

    def next(self) -> Candidate | None:
        """Return what to work on next, or None for nothing just now."""
        if self.time_is_up:
            return None
        most = self._limits.max_concurrent
        if most is not None and len(self._out) >= most:
            return None
        candidate = self._again.popleft() if self._again else self._engine.ask()
        if candidate is not None:
            self._out.add(candidate.number)
        return candidate

    def done(self, candidate: Candidate, outcome: Outcome) -> None:
        """Take an outcome in. Its file is made sure of before the ledger speaks of it.

        Raises:
            TooManyFailuresError: If one more failed in a row than may; this one is recorded.
        """
        if self._results:
            if self._results.find(candidate) is None:
                self._results.save(candidate, outcome)
            self._results.save_traceback(candidate, outcome)
        record = self._engine.tell(candidate, replace(outcome, traceback=""))
        self._out.discard(candidate.number)
        if self._results:
            self._results.settle(candidate)
        self._learn(record)
        self._on_told(record)
        if outcome.state is not State.FAIL:
            self._failed.clear()
            return
        self._failed.append(record)
        self._traceback = outcome.traceback or self._traceback
        if len(self._failed) > self._limits.max_failures:
            raise TooManyFailuresError(self._failed, self._traceback)

    def died(self, candidate: Candidate, reason: str) -> None:
        """Take in that a worker died under a candidate: once more, or its own fault by now."""
        if self.take_found(candidate):
            return
        self._out.discard(candidate.number)
        if self._engine.died(candidate, reason):
            self._again.append(candidate)
        else:
            reason = f"worker died {MAX_DEATHS} times (out of host memory?): {reason}"
            self.done(candidate, Outcome.failed(reason))

    def timed_out(self, candidate: Candidate, seconds: float) -> None:
        """Take in that a candidate was still not done after `seconds`; it is not tried again."""
        if not self.take_found(candidate):
            reason = f"timeout: not done after {seconds:.0f} s"
            self.done(candidate, Outcome.failed(reason, seconds=seconds))

    def take_found(self, candidate: Candidate) -> bool:
        """Take in an outcome that a worker wrote down but could not return, if there is one."""
        outcome = self._results.find(candidate) if self._results else None
        if outcome is None:
            return False
        self.done(candidate, outcome)
        return True

    def _learn(self, record: Record) -> None:
        if record.outcome.state is State.COMPLETE:
            self._clocks.learn(record.rung, record.outcome.seconds)
