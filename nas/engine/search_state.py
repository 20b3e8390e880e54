"""The state of a search, computed from the events of its ledger."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nas.candidate import Candidate, Outcome, Record, State
from nas.engine.events import Asked, Died, Duplicate, Event, Proposed, Rejected, RungTold, Told
from nas.engine.ledger import FIRST_EVENT_LINE, read_ledger
from nas.engine.ledger_lines import damage


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How far a search is.

    Attributes:
        complete: Trained candidates.
        failed: Candidates that failed by their own fault.
        over_limit: Candidates whose measured costs violate a constraint.
        infeasible: Candidates whose predicted costs violate a constraint; they are not trained
            and not charged to the budget.
        dropped: Candidates that were timed and not trained.
        in_flight: Candidates that were handed out and have no outcome yet.
        duplicates: Proposals answered from the ledger; not charged to the budget.
        deaths: Workers that died while they trained a candidate.
    """

    complete: int = 0
    failed: int = 0
    over_limit: int = 0
    infeasible: int = 0
    dropped: int = 0
    in_flight: int = 0
    duplicates: int = 0
    deaths: int = 0

    @property
    def finished(self) -> int:
        """Candidates that were tried and have an outcome."""
        return self.complete + self.failed + self.over_limit + self.dropped

    @property
    def charged(self) -> int:
        """Candidates that count against the budget."""
        return self.finished + self.in_flight


class SearchState:
    """The state after a sequence of events; the engine and the reports share it.

    Attributes:
        records: Every candidate with its outcome, in the order of completion; one that is
            trained further keeps its position.
        best: The trained candidate of the highest rank, or None; updated at each event, because
            a scan of all records for each candidate would make long searches slow.
        pending: Candidates in flight by number, in the order in which they were asked.
        numbers: Number under which each distinct candidate was first proposed, by its key.
        deaths: Workers that died while they trained a candidate, by its number.
        duplicates_in_a_row: Duplicates since the last new proposal.
        uniform_samples_in_a_row: Uniform samples since the last new proposal of the sampler.
        rejected_in_a_row: Proposals that violate a constraint since the last candidate.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.records: list[Record] = []
        self.best: Record | None = None
        self.pending: dict[int, Candidate] = {}
        self.duplicates_in_a_row = self.uniform_samples_in_a_row = self.rejected_in_a_row = 0
        self.numbers: dict[str, int] = {}
        self.deaths = Counter[int]()
        self._index: dict[int, int] = {}  # of a candidate's record
        self._states = Counter[State]()
        self._over_limit = self._duplicates = 0
        for event in events:
            self.apply(event)

    @property
    def counts(self) -> Counts:
        """How far the search is."""
        return Counts(
            complete=self._states[State.COMPLETE],
            failed=self._states[State.FAIL],
            over_limit=self._over_limit,
            infeasible=self._states[State.INFEASIBLE] - self._over_limit,
            dropped=self._states[State.DROPPED],
            in_flight=len(self.pending),
            duplicates=self._duplicates,
            deaths=self.deaths.total(),
        )

    def outcome_of(self, number: int) -> Outcome | None:
        """Return a candidate's outcome, or None while it is in flight."""
        return self.record_of(number).outcome if number in self._index else None

    def record_of(self, number: int) -> Record:
        """Return the record of a candidate that has an outcome."""
        return self.records[self._index[number]]

    def apply(self, event: Event) -> None:
        """Update the state by one event; kinds that say nothing about candidates are ignored.

        Raises:
            KeyError: If the event is about a candidate that is not known or not in flight.
        """
        match event:
            case Asked():
                self._register(event)
                self.rejected_in_a_row = 0
                self.pending[event.number] = event.candidate
            case Rejected():
                self._register(event)
                self.rejected_in_a_row += 1
                self._finish(event.candidate, Outcome.infeasible(event.reason), event.time)
            case Duplicate():
                self._duplicates += 1
                self.duplicates_in_a_row += 1
                outcome = self.outcome_of(event.of)
                if outcome and not outcome.is_charged:
                    self.rejected_in_a_row += 1
            case Told():
                self._finish(self.pending.pop(event.number), event.outcome, event.time)
            case RungTold():
                self._advance_rung(event)
            case Died():
                self.deaths[event.number] += 1

    def _register(self, event: Proposed) -> None:
        self.duplicates_in_a_row = 0
        uniform = self.uniform_samples_in_a_row
        self.uniform_samples_in_a_row = uniform + 1 if event.is_uniform else 0
        self.numbers[event.key] = event.number

    def _finish(self, candidate: Candidate, outcome: Outcome, time: float) -> None:
        self._index[candidate.number] = len(self.records)
        self.records.append(self._record(candidate, outcome, time))
        self._update_best(self.records[-1])

    def _advance_rung(self, event: RungTold) -> None:
        """Replace a candidate's outcome by that of its next rung."""
        before = self.record_of(event.of)
        self._states[before.outcome.state] -= 1
        self._over_limit -= _is_over_limit(before.outcome)
        record = self._record(before.candidate, event.outcome, event.time)
        self.records[self._index[event.of]] = record
        if before is self.best and not record.can_win:
            able = (one for one in self.records if one.can_win)
            self.best = max(able, key=lambda one: one.rank, default=None)
        self._update_best(record)

    def _record(self, candidate: Candidate, outcome: Outcome, time: float) -> Record:
        self._states[outcome.state] += 1
        self._over_limit += _is_over_limit(outcome)
        deaths = self.deaths[candidate.number]
        return Record(candidate=candidate, outcome=outcome, deaths=deaths, time=time)

    def _update_best(self, record: Record) -> None:
        if record.can_win and (self.best is None or record.rank > self.best.rank):
            self.best = record


def read_search_state(path: Path) -> SearchState:
    """Read a ledger without locking it, and return the state of its search.

    Raises:
        ValueError: If it is damaged; the message names the line.
        OSError: If it cannot be read.
    """
    state = SearchState()
    for line, event in enumerate(read_ledger(path).events, start=FIRST_EVENT_LINE):
        try:
            state.apply(event)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise damage(path, line, repr(error)) from error
    return state


def _is_over_limit(outcome: Outcome) -> bool:
    """Whether a candidate was tried and violates a constraint by its measured costs."""
    return outcome.state is State.INFEASIBLE and outcome.is_charged
