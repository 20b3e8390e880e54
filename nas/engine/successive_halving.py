"""Asynchronous successive halving: which candidates are promoted to the next rung."""

import heapq
from collections.abc import Iterator
from functools import partial

from nas.candidate import Outcome, State
from nas.engine.events import Event, Promoted, RungTold, Told

RungId = tuple[int, int]  # a candidate's number and a rung


class SuccessiveHalving:
    """The finished and promoted candidates of each rung, by number and reward.

    A candidate is promoted when it is among the best ``1 / eta`` of the candidates that
    finished its rung so far; no rung has to be full. An early promotion may be overtaken later,
    and a sampler that improves makes nearly every candidate one of the best on arrival. So once
    ``1 / eta`` of a rung is promoted, only the best candidate of the rung is.

    With one rung nothing is promoted: that is the full training of every candidate.

    Attributes:
        running: The rung that each promoted candidate is trained through, by its number.

    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning (ASHA,
    arXiv:1810.05934), algorithm 2, which does not have that limit.
    """

    def __init__(self, *, rungs: int, eta: int) -> None:
        """Start with empty rungs.

        Args:
            rungs: Number of rungs, >= 1.
            eta: One in `eta` candidates is promoted, >= 2.

        Raises:
            ValueError: If a number is too small.
        """
        if rungs < 1:
            raise ValueError(f"SuccessiveHalving.rungs must be >= 1, got {rungs!r}")
        if eta < 2:
            raise ValueError(f"SuccessiveHalving.eta must be >= 2, got {eta!r}")
        self.running: dict[int, int] = {}
        self._eta = eta
        # Reward of each candidate that finished a rung; None if it failed there.
        self._finished: list[dict[int, float | None]] = [{} for _ in range(rungs)]
        self._promoted: list[set[int]] = [set() for _ in range(rungs)]

    @property
    def last(self) -> int:
        """The last rung."""
        return len(self._finished) - 1

    def finished(self, rung: int) -> int:
        """Return how many candidates finished a rung, failures included."""
        return len(self._finished[rung])

    def finish(self, number: int, rung: int, outcome: Outcome) -> None:
        """Record the outcome of a rung; a candidate that was not trained enters no rung."""
        self.running.pop(number, None)
        if outcome.state not in (State.DROPPED, State.INFEASIBLE):
            reward = outcome.reward if outcome.state is State.COMPLETE else None
            self._finished[rung][number] = reward

    def promote(self, number: int, rung: int) -> None:
        """Record that a candidate is promoted to `rung`.

        Raises:
            ValueError: If it did not finish the rung before, or was promoted already.
        """
        below = rung - 1
        if self._finished[below].get(number) is None or number in self._promoted[below]:
            raise ValueError(f"candidate {number} cannot be promoted to rung {rung}")
        self._promoted[below].add(number)
        self.running[number] = rung

    def apply(self, event: Event) -> None:
        """Update the rungs by an event of the ledger; other kinds are ignored."""
        match event:
            case Told():
                self.finish(event.number, 0, event.outcome)
            case Promoted():
                self.promote(event.number, event.rung)
            case RungTold():
                self.finish(event.of, event.rung, event.outcome)

    def next_promotion(self) -> RungId | None:
        """Return the candidate to promote now and its next rung; the highest rung first."""
        for rung in reversed(range(self.last)):
            if waiting := self._waiting(rung, len(self._finished[rung]) // self._eta):
                return waiting[0], rung + 1
        return None

    def last_promotion(self) -> RungId | None:
        """Return the candidate to promote when nothing else is left to do.

        At least one candidate has to finish the last rung: while none did, the best candidate
        of the highest rung with any left is promoted, however few finished that rung.
        """
        if self._trained(self.last):
            return None
        for rung in reversed(range(self.last)):
            left = self._trained(rung) - self._promoted[rung]
            if left:
                return max(left, key=partial(self._rank, rung)), rung + 1
        return None

    def promotable(self, coming: int) -> Iterator[RungId]:
        """Yield each candidate that may still be promoted, and the rung that it finished.

        Args:
            coming: Upper bound of the candidates that may still finish the first rung.
        """
        least = 0 if self._trained(self.last) else 1  # `last_promotion` may take the best
        for rung in range(self.last):
            most = len(self._finished[rung]) + coming
            waiting = self._waiting(rung, max(least, most // self._eta))
            yield from ((number, rung) for number in waiting)
            running = sum(at == rung + 1 for at in self.running.values())
            coming += running + len(waiting)  # to the next rung, at most

    def _waiting(self, rung: int, share: int) -> list[int]:
        """Return the candidates to promote from a rung, the best first.

        They are among its best `share`, or the best one after that many promotions.
        """
        promoted, rank = self._promoted[rung], partial(self._rank, rung)
        count = share if len(promoted) < share else min(share, 1)
        best = heapq.nlargest(count, self._trained(rung), key=rank)
        return [number for number in best if number not in promoted]

    def _trained(self, rung: int) -> set[int]:
        return {number for number, reward in self._finished[rung].items() if reward is not None}

    def _rank(self, rung: int, number: int) -> tuple[float, int]:
        """Return the sort key within a rung: the reward, and of equals the earlier candidate."""
        reward = self._finished[rung][number]
        assert reward is not None
        return reward, -number
