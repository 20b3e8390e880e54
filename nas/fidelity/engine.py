"""The engine of a search in rungs: everything as in `Engine`, and promotions."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from nas.candidate import Candidate, Choices, Outcome, Record
from nas.engine.choice_space import ChoiceSpace
from nas.engine.engine import MAX_DEATHS, Engine
from nas.engine.ledger import Event, Ledger
from nas.engine.study import SamplerFactory
from nas.fidelity.job import RungJob
from nas.fidelity.pruning import current_bar
from nas.fidelity.successive_halving import Ladder, Place
from nas.settings.fidelity_config import ProgressiveConfig


class ProgressiveEngine(Engine):
    """Hands out rungs instead of whole trainings; the first rung of a candidate is its `told`.

    The ledger gets two more kinds of events: ``promoted``, when a candidate is handed out for
    its next rung, and ``rung``, what came of it. Each rung's end is a trial of its own to the
    samplers, with the reward of that rung. The budget counts candidates, whatever their rung.
    """

    def __init__(
        self,
        space: ChoiceSpace,
        sampler_factory: SamplerFactory,
        ledger: Ledger,
        *,
        budget: int,
        progressive: ProgressiveConfig,
        seed: int = 0,
        screen: Callable[[Choices], str] | None = None,
        first: Sequence[Choices] = (),
    ) -> None:
        """Rebuild everything that the ledger tells; see `Engine` for arguments and errors."""
        self._progressive = progressive
        self._ladder = Ladder(rungs=progressive.rungs, eta=progressive.eta)
        super().__init__(
            space, sampler_factory, ledger, budget=budget, seed=seed, screen=screen, first=first
        )

    def pending(self) -> tuple[RungJob, ...]:
        """Rungs that were handed out and have not come back."""
        first = [self._first_job(candidate) for candidate in super().pending()]
        climbing = self._ladder.climbing.items()
        return (*first, *(self._climber(number, rung) for number, rung in climbing))

    @property
    def has_more(self) -> bool:
        """Whether there is something to train yet, beside what is in flight."""
        ladder = self._ladder
        return super().has_more or bool(ladder.next_promotion() or ladder.last_promotion())

    def ask(self) -> RungJob | None:
        """Return who goes on, else a new candidate, else None for nothing just now.

        When nothing else is left and nobody has finished the last rung, the best goes on.

        Raises:
            ValueError: If nothing could be tried, because every proposal breaks a constraint.
            OSError: If the ledger cannot be written.
        """
        place = self._ladder.next_promotion()
        if place is None:
            candidate = super().ask()
            if candidate is not None:
                return self._first_job(candidate)
            if self.counts.in_flight or self._ladder.climbing:
                return None
            place = self._ladder.last_promotion()
        return self._promote(place) if place else None

    def tell(self, candidate: Candidate, outcome: Outcome) -> Record:
        """Write down what a rung came to, teach it to the samplers, and return both.

        Raises:
            ValueError: If the candidate is not in flight.
            OSError: If the ledger cannot be written; the candidate is then still in flight.
        """
        number, rung = candidate.number, self._ladder.climbing.get(candidate.number)
        if rung is None:
            record = super().tell(candidate, outcome)
            self._ladder.finish(number, 0, outcome)
            return record
        before = self._book.record_of(number)
        outcome = replace(outcome, metrics=before.outcome.metrics.updated(outcome.metrics))
        event = {
            "event": "rung",
            "number": self._study.next_number,  # a trial of its own
            "of": number,
            "rung": rung,
            "choices": dict(before.candidate.choices),
            "outcome": outcome.to_dict(),
        }
        self._ledger.append(event)
        self._replay({**event, "time": time.time()})
        return self._book.record_of(number)

    def died(self, candidate: Candidate, reason: str) -> bool:
        """Write down that a worker died under a rung; return whether to try it again.

        Raises:
            ValueError: If the candidate is not in flight.
            OSError: If the ledger cannot be written.
        """
        if candidate.number not in self._ladder.climbing:
            return super().died(candidate, reason)
        event = {"event": "died", "number": candidate.number, "reason": reason}
        self._ledger.append(event)
        self._book.apply({**event, "time": time.time()})
        return self._book.deaths_of(candidate.number) < MAX_DEATHS

    def places_in_use(self) -> Iterator[Place]:
        """Yield whose state at the end of which rung may still be needed, or is being written."""
        for candidate in super().pending():
            yield candidate.number, 0
        for number, rung in self._ladder.climbing.items():
            yield number, rung - 1
            yield number, rung
        coming = self.counts.in_flight + max(0, self.budget - self.counts.charged)
        yield from self._ladder.resting(coming)

    def _promote(self, place: Place) -> RungJob:
        number, rung = place
        event = {"event": "promoted", "number": number, "rung": rung}
        self._ledger.append(event)
        self._ladder.apply(event)
        return self._climber(number, rung)

    def _first_job(self, candidate: Candidate) -> RungJob:
        bar = current_bar(self._book.records, self._progressive, self._ladder.last)
        return RungJob(**candidate.to_dict(), rung=0, bar=bar)

    def _climber(self, number: int, rung: int) -> RungJob:
        record = self._book.record_of(number)
        return RungJob(**record.candidate.to_dict(), rung=rung, known=record.outcome.metrics)

    def _replay(self, event: Event) -> None:
        if event["event"] == "rung":
            self._study.place(event["choices"])
        super()._replay(event)
        self._ladder.apply(event)

    def _teach(self, event: Event) -> None:
        if event["event"] == "rung":
            self._study.tell(event["number"], Outcome.from_dict(event["outcome"]))
        super()._teach(event)
