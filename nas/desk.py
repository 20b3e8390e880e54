"""Between the engine and whoever executes: what goes out, what comes in, what died on the way."""

from collections import deque
from collections.abc import Callable

from nas.candidate import Candidate, Outcome, Record
from nas.engine import MAX_DEATHS, Engine
from nas.results import Results


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
        on_told: Callable[[Record], None] = lambda record: None,  # noqa: ARG005
    ) -> None:
        """Take over what is in flight.

        Args:
            engine: Decides.
            results: Where workers leave their outcomes; None for workers that only return them.
            on_told: Called with each candidate that comes to an end.

        Raises:
            ValueError: If a file of the results is damaged.
            OSError: If the ledger cannot be written.
        """
        self.recovered = 0
        self._engine, self._results, self._on_told = engine, results, on_told
        self._again: deque[Candidate] = deque()
        for candidate in engine.pending():
            if self.take_found(candidate):
                self.recovered += 1
            else:
                self._again.append(candidate)

    @property
    def is_done(self) -> bool:
        """Whether nothing is in flight; with `next` saying None, the search is over."""
        return not self._engine.pending()

    def next(self) -> Candidate | None:
        """Return what to work on next, or None for nothing just now."""
        return self._again.popleft() if self._again else self._engine.ask()

    def done(self, candidate: Candidate, outcome: Outcome) -> None:
        """Take an outcome in. Its file is made sure of before the ledger speaks of it."""
        if self._results and self._results.find(candidate) is None:
            self._results.save(candidate, outcome)
        record = self._engine.tell(candidate, outcome)
        if self._results:
            self._results.settle(candidate)
        self._on_told(record)

    def died(self, candidate: Candidate, reason: str) -> None:
        """Take in that a worker died under a candidate: once more, or its own fault by now."""
        if self.take_found(candidate):
            return
        if self._engine.died(candidate, reason):
            self._again.append(candidate)
        else:
            reason = f"worker died {MAX_DEATHS} times (out of host memory?): {reason}"
            self.done(candidate, Outcome.failed(reason))

    def take_found(self, candidate: Candidate) -> bool:
        """Take in an outcome that a worker wrote down but could not return, if there is one."""
        outcome = self._results.find(candidate) if self._results else None
        if outcome is None:
            return False
        self.done(candidate, outcome)
        return True
