"""Proposals of a search: start points, the sampler's choices, uniform samples."""

import random
from collections.abc import Sequence
from typing import Any

from nas.candidate import Choices, Outcome
from nas.engine.choice_space import ChoiceSpace, ConstraintCheck
from nas.engine.events import Asked, Duplicate, Event, Proposed, Rejected, RungTold, Told, now
from nas.engine.search_state import SearchState
from nas.engine.study import ProposalStudy, SamplerFactory

# Duplicates in a row before a uniform unseen sample replaces the proposal; halved after each such
# sample in a row.
PATIENCE = 100


class Proposer:
    """Makes and classifies proposals, and keeps the samplers' study up to date.

    Start points come first, then the sampler's choices; a sampler that only repeats itself is
    replaced by a uniform sample of the unseen candidates.
    """

    def __init__(
        self,
        space: ChoiceSpace,
        sampler_factory: SamplerFactory,
        state: SearchState,
        *,
        seed: int,
        constraints: ConstraintCheck | None,
        first: Sequence[Choices],
    ) -> None:
        """Start without trials; see `Engine` for the arguments.

        Raises:
            ValueError: If an element of `first` is not a point of the space.
        """
        self._space, self._state, self._seed, self._constraints = space, state, seed, constraints
        self._start_choices, self._num_started = [space.canonical(choices) for choices in first], 0
        self._size = space.size()
        self._study = ProposalStudy(space.decisions(), sampler_factory)

    @property
    def next_number(self) -> int:
        """Number of the next trial."""
        return self._study.next_number

    def propose(self) -> Proposed:
        """Make one proposal and return the event that it is: asked, rejected or duplicate."""
        state = self._state
        patience = max(1, PATIENCE // 2**state.uniform_samples_in_a_row)
        is_start = self._num_started < len(self._start_choices)
        is_uniform = not is_start and state.duplicates_in_a_row >= patience
        if is_start:
            proposal = self._study.open_trial(self._start_choices[self._num_started])
            self._num_started += 1
        elif is_uniform:
            proposal = self._study.open_trial(self._uniform_unseen())
        else:
            proposal = self._study.propose()
        choices = self._space.canonical(proposal.choices)
        content: dict[str, Any] = {
            "number": proposal.number,
            "key": self._space.key(choices),
            "choices": choices,
            "proposed": None if choices == proposal.choices else dict(proposal.choices),
            "attrs": proposal.attrs,
            "is_start": is_start,
            "is_uniform": is_uniform,
            "time": now(),
        }
        first = state.numbers.get(content["key"])
        if first is not None:
            known = state.outcome_of(first)
            return Duplicate(**content, of=first, reward=known.reward if known else None)
        if self._constraints and (reason := self._constraints.violation(choices)):
            return Rejected(**content, reason=reason)
        return Asked(**content)

    def open_trial(self, event: Event) -> None:
        """Open the trial of an event that is in the ledger already, or of a rung's outcome."""
        match event:
            case Proposed():
                choices = event.choices if event.proposed is None else event.proposed
                self._study.open_trial(choices, event.attrs)
                self._num_started += event.is_start
            case RungTold():
                self._study.open_trial(event.choices)

    def tell(self, event: Event) -> None:
        """Tell the samplers what an event says about a trial; the state knows it already."""
        match event:
            case Rejected():
                self._study.tell(event.number, Outcome.infeasible(event.reason))
            case Duplicate():
                known = event.reward is not None
                outcome = self._state.outcome_of(event.of) if known else None
                self._study.tell(event.number, outcome)
            case Told() | RungTold():
                self._study.tell(event.number, event.outcome)

    def _uniform_unseen(self) -> Choices:
        """Draw uniformly among the candidates that are not known yet."""
        rng = random.Random(f"{self._seed}/{self._study.next_number}")
        for _ in range(64 * self._size):  # misses the last unseen one with probability e**-64
            choices = self._space.sample(rng)
            if self._space.key(choices) not in self._state.numbers:
                return choices
        raise RuntimeError(f"the space's size() says {self._size}, but sample() has fewer")
