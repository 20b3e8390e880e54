"""Asynchronous successive halving: who goes on to the next rung. It knows numbers alone."""

import heapq
from collections.abc import Iterator

from nas.candidate import Outcome, State
from nas.engine.ledger import Event

Place = tuple[int, int]  # a candidate's number and a rung


class Ladder:
    """Who finished which rung, with what reward, and who went on from there.

    A candidate is promoted as soon as it is among the best ``1 / eta`` of those that finished
    its rung so far, without waiting for a rung to fill up. Who went on early may be overtaken
    later, and with a sampler that improves nearly everybody is among the best when it comes: once
    ``1 / eta`` of a rung went on, only who leads it does.

    Attributes:
        climbing: The rung that every promoted candidate is at work on, by its number.

    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning (ASHA,
    arXiv:1810.05934), algorithm 2, which knows no such limit.
    """

    def __init__(self, *, rungs: int, eta: int) -> None:
        """Start with empty rungs.

        Args:
            rungs: How many there are, >= 1.
            eta: One in so many goes on, >= 2.
        """
        if rungs < 1:
            raise ValueError(f"Ladder.rungs must be >= 1, got {rungs!r}")
        if eta < 2:
            raise ValueError(f"Ladder.eta must be >= 2, got {eta!r}")
        self.climbing: dict[int, int] = {}
        self._eta = eta
        # Rewards of those that finished a rung; None where it was their end.
        self._finished: list[dict[int, float | None]] = [{} for _ in range(rungs)]
        self._promoted: list[set[int]] = [set() for _ in range(rungs)]

    @property
    def last(self) -> int:
        """The last rung."""
        return len(self._finished) - 1

    def finished(self, rung: int) -> int:
        """Return how many finished a rung, failures included."""
        return len(self._finished[rung])

    def finish(self, number: int, rung: int, outcome: Outcome) -> None:
        """Take in the end of a rung; what was dropped before it was never on the ladder."""
        self.climbing.pop(number, None)
        if outcome.state not in (State.DROPPED, State.INFEASIBLE):
            reward = outcome.reward if outcome.state is State.COMPLETE else None
            self._finished[rung][number] = reward

    def promote(self, number: int, rung: int) -> None:
        """Take in that a candidate goes on to `rung`.

        Raises:
            ValueError: If it did not finish the rung before, or was there already.
        """
        below = rung - 1
        if self._finished[below].get(number) is None or number in self._promoted[below]:
            raise ValueError(f"candidate {number} cannot be promoted to rung {rung}")
        self._promoted[below].add(number)
        self.climbing[number] = rung

    def apply(self, event: Event) -> None:
        """Take in an event of the ledger; other kinds are passed over."""
        match event["event"]:
            case "told":
                self.finish(event["number"], 0, Outcome.from_dict(event["outcome"]))
            case "promoted":
                self.promote(event["number"], event["rung"])
            case "rung":
                self.finish(event["of"], event["rung"], Outcome.from_dict(event["outcome"]))

    def next_promotion(self) -> Place | None:
        """Return who goes on now, and to which rung; the highest rung first."""
        for rung in range(self.last - 1, -1, -1):
            share = len(self._finished[rung]) // self._eta
            for number in self._best(rung, self._open(rung, share)):
                if number not in self._promoted[rung]:
                    return number, rung + 1
        return None

    def last_promotion(self) -> Place | None:
        """Return who goes on although its rung is too small, when nothing else is left to do.

        Somebody has to be trained to the end: while nobody finished the last rung, the best of
        the highest rung that has anybody left goes on.
        """
        if self._trained(self.last):
            return None
        for rung in range(self.last - 1, -1, -1):
            left = self._trained(rung) - self._promoted[rung]
            if left:
                return max(left, key=lambda number: self._rank(rung, number)), rung + 1
        return None

    def resting(self, coming: int) -> Iterator[Place]:
        """Return who may still be promoted from which rung.

        Args:
            coming: How many may yet finish the first rung, at most.
        """
        least = 0 if self._trained(self.last) else 1  # who may go on as the last resort
        for rung in range(self.last):
            most = len(self._finished[rung]) + coming
            best = self._best(rung, self._open(rung, max(least, most // self._eta)))
            resting = [number for number in best if number not in self._promoted[rung]]
            yield from ((number, rung) for number in resting)
            climbing = sum(at == rung + 1 for at in self.climbing.values())
            coming += climbing + len(resting)  # to the next rung, at most

    def _open(self, rung: int, share: int) -> int:
        """Return among how many of a rung the next one to go on is looked for."""
        return share if len(self._promoted[rung]) < share else min(share, 1)

    def _best(self, rung: int, count: int) -> list[int]:
        trained = self._trained(rung)
        return heapq.nlargest(count, trained, key=lambda number: self._rank(rung, number))

    def _trained(self, rung: int) -> set[int]:
        return {number for number, reward in self._finished[rung].items() if reward is not None}

    def _rank(self, rung: int, number: int) -> tuple[float, int]:
        """Return what orders a rung: the reward, and of equals the earlier candidate."""
        reward = self._finished[rung][number]
        assert reward is not None
        return reward, -number
