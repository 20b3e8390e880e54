"""The search engine: which candidate to train next, and what is known. No Ray, no torch."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from nas.candidate import Candidate, Choices, Outcome, Record
from nas.engine.choice_space import ChoiceSpace, ConstraintCheck
from nas.engine.events import Asked, Died, Event, Promoted, Proposed, RungTold, Told, now
from nas.engine.job import Job
from nas.engine.ledger import FIRST_EVENT_LINE, Ledger
from nas.engine.ledger_lines import damage
from nas.engine.proposer import Proposer
from nas.engine.pruning import PruningRule, current_threshold
from nas.engine.search_state import Counts, SearchState
from nas.engine.study import SamplerFactory
from nas.engine.successive_halving import RungId, SuccessiveHalving

MAX_REJECTED = 2000  # proposals in a row that violate a constraint before the search ends
MAX_DEATHS = 3  # workers that may die while they train a candidate before it has failed


class Engine:
    """Ask and tell over a ledger; an engine made from the same ledger continues the search.

    An `ask` or `tell` that returned is on disk. Proposals are a function of the ledger: with
    one worker the same seed gives the same proposals, interrupted or not; with several workers
    the order of completion is part of the ledger. After an exception, make a new engine.

    Candidates are trained rung by rung, and each rung is a separate trial to the samplers. A
    search that trains every candidate in full has one rung.

    Attributes:
        budget: Distinct candidates that may be tried in total, earlier sessions included,
            whatever their rung.
        note: Why `ask` has nothing more, where the budget is not the reason; else empty.
    """

    def __init__(
        self,
        space: ChoiceSpace,
        sampler_factory: SamplerFactory,
        ledger: Ledger,
        *,
        budget: int,
        seed: int = 0,
        constraints: ConstraintCheck | None = None,
        first: Sequence[Choices] = (),
        rungs: int = 1,
        eta: int = 3,
        pruning: PruningRule = PruningRule(),  # noqa: B008 (it is frozen)
    ) -> None:
        """Rebuild the search from the ledger's events.

        Args:
            space: The space that is searched.
            sampler_factory: Makes the sampler of a proposal from the proposal's number.
            ledger: Open for writing; the engine is its only writer.
            budget: Distinct candidates to try in total.
            seed: Of the uniform samples that replace a sampler that repeats itself.
            constraints: Finds constraints that a candidate violates before training.
            first: Choices to propose before a sampler is asked, in this order; a resumed search
                must be given the same.
            rungs: Parts of a candidate's training, >= 1.
            eta: One in `eta` candidates of a rung is promoted to the next.
            pruning: Which candidates are not trained at all.

        Raises:
            ValueError: If the budget is not positive, the ledger is of another space, or
                an element of `first` is not a point of the space.
        """
        if budget < 1:
            raise ValueError(f"Engine.budget must be >= 1, got {budget!r}")
        self.budget = budget
        self.note = ""
        self._ledger, self._size, self._pruning = ledger, space.size(), pruning
        self._halving = SuccessiveHalving(rungs=rungs, eta=eta)
        self._state = SearchState()
        self._proposer = Proposer(
            space, sampler_factory, self._state, seed=seed, constraints=constraints, first=first
        )
        for line, event in enumerate(ledger.history, start=FIRST_EVENT_LINE):
            try:
                self._replay(event)
            except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
                raise damage(ledger.path, line, repr(error)) from error

    @property
    def counts(self) -> Counts:
        """How far the search is."""
        return self._state.counts

    @property
    def best(self) -> Record | None:
        """The candidate of the highest rank, the earliest of equals, if any can win."""
        return self._state.best

    @property
    def has_more(self) -> bool:
        """Whether there is more to train than the jobs in flight."""
        halving = self._halving
        return not self._is_over() or bool(halving.next_promotion() or halving.last_promotion())

    def pending(self) -> tuple[Job, ...]:
        """Return the jobs in flight, new candidates first; a resumed run hands them out again."""
        new = [self._first_job(candidate) for candidate in self._state.pending.values()]
        promoted = self._halving.running.items()
        return (*new, *(self._next_job(number, rung) for number, rung in promoted))

    def records(self) -> tuple[Record, ...]:
        """Return every candidate that has an outcome, in the order of completion; a copy."""
        return tuple(self._state.records)

    def ask(self) -> Job | None:
        """Return the next job: a promotion, else a new candidate; None for nothing now.

        A new candidate is unseen and within the constraints. When nothing else is left and no
        candidate finished the last rung, the best one is promoted. After
        None, a later call can return a job: a `tell` can free budget or allow a promotion.

        Raises:
            ValueError: If nothing could be tried, because every proposal violates a constraint.
            OSError: If the ledger cannot be written.
        """
        promotion = self._halving.next_promotion()
        if promotion is None:
            candidate = self._ask_new()
            if candidate is not None:
                return self._first_job(candidate)
            if self._state.pending or self._halving.running:
                return None
            promotion = self._halving.last_promotion()
        return self._promote(promotion) if promotion else None

    def tell(self, job: Candidate, outcome: Outcome) -> Record:
        """Record the outcome of a job, tell it to the samplers, and return the record.

        Raises:
            ValueError: If the job is not in flight.
            OSError: If the ledger cannot be written; the job is then still in flight.
        """
        self._require_in_flight(job)
        number, rung = job.number, self._halving.running.get(job.number)
        if rung is None:
            self._write(Told(number=number, outcome=outcome, time=now()))
        else:
            before = self._state.record_of(number)
            metrics = before.outcome.metrics.updated(outcome.metrics)
            event = RungTold(
                number=self._proposer.next_number,
                of=number,
                rung=rung,
                choices=before.candidate.choices,
                outcome=replace(outcome, metrics=metrics),
                time=now(),
            )
            self._write(event)
        return self._state.record_of(number)

    def worker_died(self, job: Candidate, reason: str) -> bool:
        """Record that a worker died while it trained a job; return whether to try it again.

        The exceptions are those of `tell`.
        """
        self._require_in_flight(job)
        self._write(Died(number=job.number, reason=reason, time=now()))
        return self._state.deaths[job.number] < MAX_DEATHS

    def checkpoints_in_use(self) -> Iterator[RungId]:
        """Yield the candidates and rungs whose checkpoint may be needed or is being written."""
        for number in self._state.pending:
            yield number, 0
        for number, rung in self._halving.running.items():
            yield number, rung - 1
            yield number, rung
        coming = self.counts.in_flight + max(0, self.budget - self.counts.charged)
        yield from self._halving.promotable(coming)

    def _require_in_flight(self, job: Candidate) -> None:
        if job.number not in self._state.pending and job.number not in self._halving.running:
            raise ValueError(f"candidate {job.number} must be in flight, and is not")

    def _write(self, event: Event) -> None:
        """Write an event to disk, and then apply it."""
        self._ledger.append(event)
        self._replay(event)

    def _first_job(self, candidate: Candidate) -> Job:
        threshold = current_threshold(self._state.records, self._pruning, self._halving.last)
        rungs = self._halving.last + 1
        return Job(**candidate.to_dict(), num_rungs=rungs, threshold=threshold)

    def _next_job(self, number: int, rung: int) -> Job:
        record, rungs = self._state.record_of(number), self._halving.last + 1
        known = record.outcome.metrics
        return Job(**record.candidate.to_dict(), rung=rung, num_rungs=rungs, known=known)

    def _promote(self, promotion: RungId) -> Job:
        number, rung = promotion
        self._write(Promoted(number=number, rung=rung, time=now()))
        return self._next_job(number, rung)

    def _ask_new(self) -> Candidate | None:
        """Propose until a candidate is new and within the constraints; None for nothing more."""
        events: list[Proposed] = []
        while not self._is_over() and not (events and isinstance(events[-1], Asked)):
            events.append(self._proposer.propose())
            self._apply(events[-1])
        if events:
            self._ledger.append(*events)  # one write and one fsync, however many duplicates
            if isinstance(events[-1], Asked):
                return events[-1].candidate
        if self._state.rejected_in_a_row >= MAX_REJECTED and not self.counts.charged:
            raise ValueError(f"no candidate can be tried: {self.note}")
        return None

    def _is_over(self) -> bool:
        """Return whether nothing new may be proposed, and set the note."""
        self.note = ""
        if self.counts.charged >= self.budget:
            return True
        if len(self._state.numbers) >= self._size:
            self.note = f"all {self._size} candidates of the space are known"
        elif self._state.rejected_in_a_row >= MAX_REJECTED:
            reasons = [r.outcome.reason for r in self._state.records if r.outcome.reason]
            self.note = (
                f"{MAX_REJECTED} proposals in a row break a constraint, the last: {reasons[-1]}"
            )
        return bool(self.note)

    def _replay(self, event: Event) -> None:
        """Apply an event that is on disk, also one of an earlier session."""
        self._proposer.open_trial(event)
        self._apply(event)

    def _apply(self, event: Event) -> None:
        self._state.apply(event)
        self._halving.apply(event)
        self._proposer.tell(event)
