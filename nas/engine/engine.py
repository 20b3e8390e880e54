"""The search's mind: what to try next and what is known. It knows neither Ray nor torch."""

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from nas.candidate import Candidate, Choices, Outcome, Record
from nas.engine.choice_space import ChoiceSpace
from nas.engine.ledger import Event, Ledger
from nas.engine.search_state import Book, Counts
from nas.engine.study import Proposal, ProposalStudy, SamplerFactory

PATIENCE = 100  # duplicates in a row before a uniform unseen sample takes the sampler's place
MAX_REJECTED = 2000  # proposals in a row that break a constraint before the search ends
MAX_DEATHS = 3  # workers that may die under a candidate before it counts as its own fault


class Engine:
    """Ask and tell over a ledger; made from the same ledger, it goes on where it was.

    An `ask` or a `tell` that returned is on disk. Proposals depend on the ledger alone, so with
    one worker the same seed gives the same proposals, interrupted or not; with several, the
    order of completion is part of the ledger. After an exception, make a new engine.

    Attributes:
        budget: Distinct candidates that may be tried in total, earlier sessions included.
        note: Why `ask` has nothing more, where that is not the budget; else empty.
    """

    def __init__(
        self,
        space: ChoiceSpace,
        sampler_factory: SamplerFactory,
        ledger: Ledger,
        *,
        budget: int,
        seed: int = 0,
        screen: Callable[[Choices], str] | None = None,
        first: Sequence[Choices] = (),
    ) -> None:
        """Rebuild everything that the ledger tells.

        Args:
            space: What is searched.
            sampler_factory: Makes the sampler of a proposal from the proposal's number.
            ledger: Open for writing; the engine is its only writer.
            budget: Distinct candidates to try in total.
            seed: Of the samples that are drawn where a sampler only repeats itself.
            screen: Returns why canonical choices break a constraint, or an empty string.
            first: What is proposed before a sampler is asked, in this order; a resumed search
                must be given the same.

        Raises:
            ValueError: If the budget is not positive, the ledger is of another space, or
                something of `first` is no point of the space.
        """
        if budget < 1:
            raise ValueError(f"Engine.budget must be >= 1, got {budget!r}")
        self.budget = budget
        self.note = ""
        self._space, self._ledger, self._seed, self._screen = space, ledger, seed, screen
        self._size = space.size()
        self._first, self._started = [space.canonical(choices) for choices in first], 0
        self._study = ProposalStudy(space.decisions(), sampler_factory)
        self._book = Book()
        for line, event in enumerate(ledger.history, start=2):  # the header is line 1
            try:
                self._replay(event)
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{ledger.path}: line {line} is damaged: {error!r}") from error

    @property
    def counts(self) -> Counts:
        """How far the search is."""
        return self._book.counts

    def pending(self) -> tuple[Candidate, ...]:
        """Candidates asked and not told, oldest first; a resumed run hands them out again."""
        return tuple(self._book.pending.values())

    @property
    def best(self) -> Record | None:
        """The candidate of the highest reward, the earliest of equals, if any can win."""
        return self._book.best

    def records(self) -> tuple[Record, ...]:
        """Every candidate that came to an end, in the order of completion; a copy each time."""
        return tuple(self._book.records)

    @property
    def has_more(self) -> bool:
        """Whether there is something to train yet, beside what is in flight."""
        return not self._is_over()

    def ask(self) -> Candidate | None:
        """Propose the next candidate, unseen and within the constraints; None for nothing more.

        None can turn into a candidate after a `tell` that frees some of the budget.

        Raises:
            ValueError: If nothing could be tried, because every proposal breaks a constraint.
            OSError: If the ledger cannot be written.
        """
        events: list[Event] = []
        while not self._is_over():
            events.append(self._propose())
            if events[-1]["event"] == "asked":
                break
        if events:
            self._ledger.append(*events)  # one write and one fsync, however many duplicates
            if events[-1]["event"] == "asked":
                return self._book.pending[events[-1]["number"]]
        if self._book.rejected_in_a_row >= MAX_REJECTED and not self.counts.charged:
            raise ValueError(f"no candidate can be tried: {self.note}")
        return None

    def tell(self, candidate: Candidate, outcome: Outcome) -> Record:
        """Write down what became of a candidate, teach it to the samplers, and return both.

        Raises:
            ValueError: If the candidate is not in flight.
            OSError: If the ledger cannot be written; the candidate is then still in flight.
        """
        event = {"event": "told", "number": candidate.number, "outcome": outcome.to_dict()}
        self._write(candidate, event)
        self._teach(event)
        return self._book.records[-1]

    def died(self, candidate: Candidate, reason: str) -> bool:
        """Write down that a worker died under a candidate; return whether to try it again.

        Raises:
            ValueError: If the candidate is not in flight.
            OSError: If the ledger cannot be written.
        """
        self._write(candidate, {"event": "died", "number": candidate.number, "reason": reason})
        return self._book.deaths_of(candidate.number) < MAX_DEATHS

    def _write(self, candidate: Candidate, event: Event) -> None:
        """Put an event of a candidate in flight on disk, and then into the book."""
        if candidate.number not in self._book.pending:
            raise ValueError(f"candidate {candidate.number} must be in flight, and is not")
        self._ledger.append(event)
        self._book.apply({**event, "time": time.time()})

    def _is_over(self) -> bool:
        """Return whether nothing may be proposed; sets the note."""
        self.note = ""
        if self.counts.charged >= self.budget:
            return True
        if self._book.num_keys >= self._size:
            self.note = f"all {self._size} candidates of the space are known"
        elif self._book.rejected_in_a_row >= MAX_REJECTED:
            reasons = [r.outcome.reason for r in self._book.records if r.outcome.reason]
            self.note = (
                f"{MAX_REJECTED} proposals in a row break a constraint, the last: {reasons[-1]}"
            )
        return bool(self.note)

    def _propose(self) -> Event:
        """Make one proposal, find out what it is, and take it in; it is not written yet."""
        start = self._started < len(self._first)
        rescue = not start and self._book.repeats >= max(1, PATIENCE >> self._book.rescues)
        if start:
            proposal = self._study.place(self._first[self._started])
        else:
            proposal = self._study.place(self._unseen()) if rescue else self._study.propose()
        event = self._judge(proposal)
        if start:
            event["start"] = True
            self._started += 1
        if rescue:
            event["rescue"] = True
        self._book.apply({**event, "time": time.time()})
        self._teach(event)
        return event

    def _judge(self, proposal: Proposal) -> dict[str, Any]:
        """Turn a proposal into the event that it is: asked, rejected or duplicate."""
        choices = self._space.canonical(proposal.choices)
        key = self._space.key(choices)
        event: dict[str, Any] = {"event": "asked", "number": proposal.number, "key": key}
        event["choices"] = choices
        if choices != proposal.choices:
            event["proposed"] = dict(proposal.choices)
        if proposal.attrs:
            event["attrs"] = proposal.attrs
        first = self._book.number_of(key)
        if first is not None:
            known = self._book.outcome_of(first)
            reward = known.reward if known else None
            return {**event, "event": "duplicate", "of": first, "reward": reward}
        if self._screen and (reason := self._screen(choices)):
            return {**event, "event": "rejected", "reason": reason}
        return event

    def _unseen(self) -> Choices:
        """Draw uniformly among the candidates that are not known yet."""
        rng = random.Random(f"{self._seed}/{self._study.next_number}")
        for _ in range(64 * self._size):  # misses the last unseen one with probability e**-64
            choices = self._space.sample(rng)
            if self._book.number_of(self._space.key(choices)) is None:
                return choices
        raise RuntimeError(f"the space's size() says {self._size}, but sample() has fewer")

    def _teach(self, event: Event) -> None:
        """Tell the samplers what a proposal's event, or the end of a candidate, says."""
        match event["event"]:
            case "rejected":
                self._study.tell(event["number"], Outcome.infeasible(event["reason"]))
            case "duplicate":
                known = event["reward"] is not None
                outcome = self._book.outcome_of(event["of"]) if known else None
                self._study.tell(event["number"], outcome)
            case "told":
                self._study.tell(event["number"], Outcome.from_dict(event["outcome"]))

    def _replay(self, event: Event) -> None:
        """Take in an event of an earlier session, exactly as it was taken in then."""
        if event["event"] in ("asked", "rejected", "duplicate"):
            choices = event.get("proposed", event["choices"])
            self._study.place(choices, event.get("attrs"))
            self._started += bool(event.get("start"))
        self._book.apply(event)
        self._teach(event)
