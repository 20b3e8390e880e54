"""What a ledger's events add up to; the engine and the reports read the same book."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nas.candidate import Candidate, Outcome, Record, State
from nas.engine.ledger import Event, read_ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How far a search is.

    Attributes:
        complete: Trained candidates.
        failed: Candidates that failed by their own fault.
        over_limit: Trained candidates that break a constraint by what was measured.
        infeasible: Candidates that break a constraint; not trained, not charged to the budget.
        dropped: Candidates that were timed and not trained.
        in_flight: Candidates handed out and not told yet.
        duplicates: Proposals answered from the ledger; not charged to the budget.
        deaths: Workers that died under a candidate.
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
        """Candidates that were tried to their end."""
        return self.complete + self.failed + self.over_limit + self.dropped

    @property
    def charged(self) -> int:
        """What counts against the budget."""
        return self.finished + self.in_flight


class Book:
    """A fold over the events of a ledger.

    Attributes:
        records: Every candidate with its outcome, in the order of completion; one that is
            trained further keeps its place.
        best: The trained candidate of the highest rank, or None; kept up to date, because a
            look through all records at each candidate would make long searches slow.
        pending: Candidates in flight by number, in the order in which they were asked.
        repeats: Duplicates in a row, up to now.
        rescues: Uniform samples in a row that had to take the sampler's place, up to now.
        rejected_in_a_row: Proposals in a row that came to nothing but a broken constraint.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.records: list[Record] = []
        self.best: Record | None = None
        self.pending: dict[int, Candidate] = {}
        self.repeats = self.rescues = self.rejected_in_a_row = 0
        self._by_key: dict[str, int] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._places: dict[int, int] = {}
        self._deaths: dict[int, int] = {}
        self._num_deaths = self._over_limit = 0
        self._states = dict.fromkeys(State, 0)
        self._duplicates = 0
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
            deaths=self._num_deaths,
        )

    @property
    def num_keys(self) -> int:
        """Distinct candidates met so far."""
        return len(self._by_key)

    def number_of(self, key: str) -> int | None:
        """Return the number under which `key` was first met, or None."""
        return self._by_key.get(key)

    def outcome_of(self, number: int) -> Outcome | None:
        """Return what became of a candidate, or None while it is in flight."""
        return self._outcomes.get(number)

    def record_of(self, number: int) -> Record:
        """Return the row of a candidate that came to an end."""
        return self.records[self._places[number]]

    def deaths_of(self, number: int) -> int:
        """Return how many workers died under a candidate."""
        return self._deaths.get(number, 0)

    def apply(self, event: Event) -> None:
        """Take in one event; kinds that say nothing about candidates are passed over."""
        match event["event"]:
            case "asked":
                self._count_proposal(event)
                self.rejected_in_a_row = 0
                candidate = self._meet(event)
                self.pending[candidate.number] = candidate
            case "rejected":
                self._count_proposal(event)
                self.rejected_in_a_row += 1
                self._finish(self._meet(event), Outcome.infeasible(event["reason"]), event)
            case "duplicate":
                self._duplicates += 1
                self.repeats += 1
                outcome = self.outcome_of(event["of"])
                if outcome and not outcome.is_charged:
                    self.rejected_in_a_row += 1
            case "told":
                outcome = Outcome.from_dict(event["outcome"])
                self._finish(self.pending.pop(event["number"]), outcome, event)
            case "rung":
                self._go_on(event)
            case "died":
                self._deaths[event["number"]] = self.deaths_of(event["number"]) + 1
                self._num_deaths += 1

    def _count_proposal(self, event: Event) -> None:
        self.repeats = 0
        self.rescues = self.rescues + 1 if event.get("rescue") else 0

    def _meet(self, event: Event) -> Candidate:
        candidate = Candidate.from_dict(event)
        self._by_key[candidate.key] = candidate.number
        return candidate

    def _finish(self, candidate: Candidate, outcome: Outcome, event: Event) -> None:
        self._places[candidate.number] = len(self.records)
        self.records.append(self._record(candidate, outcome, event))
        self._compare(self.records[-1])

    def _go_on(self, event: Event) -> None:
        """Let the outcome of a further rung take the place of the one before."""
        before = self.record_of(event["of"])
        self._states[before.outcome.state] -= 1
        self._over_limit -= _is_over_limit(before.outcome)
        outcome = Outcome.from_dict(event["outcome"])
        record = self._record(before.candidate, outcome, event)
        self.records[self._places[event["of"]]] = record
        if before is self.best and not record.can_win:
            able = (one for one in self.records if one.can_win)
            self.best = max(able, key=lambda one: one.rank, default=None)
        self._compare(record)

    def _record(self, candidate: Candidate, outcome: Outcome, event: Event) -> Record:
        self._outcomes[candidate.number] = outcome
        self._states[outcome.state] += 1
        self._over_limit += _is_over_limit(outcome)
        return Record(
            candidate=candidate,
            outcome=outcome,
            deaths=self.deaths_of(candidate.number),
            time=event.get("time", 0.0),
        )

    def _compare(self, record: Record) -> None:
        if record.can_win and (self.best is None or record.rank > self.best.rank):
            self.best = record


def read_book(path: Path) -> Book:
    """Read a ledger without holding it, and add it up.

    Raises:
        ValueError: If it is damaged; the message names the line.
        OSError: If it cannot be read.
    """
    book = Book()
    for line, event in enumerate(read_ledger(path).events, start=2):  # the header is line 1
        try:
            book.apply(event)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path}: line {line} is damaged: {error!r}") from error
    return book


def _is_over_limit(outcome: Outcome) -> bool:
    """Whether it was trained and breaks a constraint by what was measured."""
    return outcome.state is State.INFEASIBLE and outcome.is_charged
