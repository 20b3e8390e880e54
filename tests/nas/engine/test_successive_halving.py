"""Promotions of asynchronous successive halving."""

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.candidate import Outcome, State
from nas.engine.successive_halving import RungId, SuccessiveHalving

rewards = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5]), st.floats(0, 1))


def outcome(reward: float | None) -> Outcome:
    if reward is None:
        return Outcome.failed("NaN")
    return Outcome(state=State.COMPLETE, reward=reward)


@dataclass
class Simulation:
    """Promotions by the rule, last promotions, and candidates that were not promotable."""

    regular: list[RungId] = field(default_factory=list)
    last: list[RungId] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    not_promotable: set[RungId] = field(default_factory=set)
    wrongly_not_promotable: set[RungId] = field(default_factory=set)


def simulate(
    halving: SuccessiveHalving, first: list[float | None], seed: int, *, workers: int = 3
) -> Simulation:
    """Run a search of workers that finish out of order.

    Each rung draws another reward for a candidate, and one in ten fails at a higher rung.
    """
    rng, log = random.Random(seed), Simulation()
    coming = list(enumerate(first))
    running: list[tuple[int, int, float | None]] = []
    finished: set[RungId] = set()
    rewarded: dict[RungId, float] = {}
    while True:
        while len(running) < workers:
            place = halving.next_promotion()
            if place is None and coming:
                number, reward = coming.pop(0)
                running.append((number, 0, reward))
                continue
            kind = log.regular
            if place is None and not running:
                place, kind = halving.last_promotion(), log.last
            if place is None:
                break
            number, rung = place
            kind.append(place)
            if kind is log.regular:
                rivals = {n: reward for (n, at), reward in rewarded.items() if at == rung - 1}
                order = sorted(rivals, key=lambda n: (-rivals[n], n))
                log.places.append((order.index(number) + 1, halving.finished(rung - 1)))
                log.wrongly_not_promotable |= {(number, rung - 1)} & log.not_promotable
            halving.promote(number, rung)
            running.append((*place, None if rng.random() < 0.1 else rng.random()))
        if not running:
            return log
        number, rung, reward = running.pop(rng.randrange(len(running)))
        halving.finish(number, rung, outcome(reward))
        finished.add((number, rung))
        if reward is not None:
            rewarded[number, rung] = reward
        left = len(coming) + sum(at == 0 for _, at, _ in running)
        log.not_promotable |= finished - set(halving.promotable(left))


@given(st.lists(rewards, max_size=40), st.integers(2, 4), st.integers(1, 4), st.integers(0, 9))
def test_only_the_best_are_promoted_and_none_twice(
    first: list[float | None], eta: int, rungs: int, seed: int
) -> None:
    log = simulate(SuccessiveHalving(rungs=rungs, eta=eta), first, seed)
    places = log.regular + log.last
    assert len(places) == len(set(places))
    assert all(place * eta <= finished for place, finished in log.places)
    assert all(1 <= rung < rungs for _, rung in places)


@given(st.lists(rewards, min_size=1, max_size=40), st.integers(2, 4), st.integers(1, 3))
def test_at_the_end_a_share_of_the_first_rung_and_its_best_are_promoted(
    first: list[float | None], eta: int, seed: int
) -> None:
    halving = SuccessiveHalving(rungs=2, eta=eta)
    log = simulate(halving, first, seed)
    promoted = {number for number, _ in log.regular}
    trained = [n for n, reward in enumerate(first) if reward is not None]
    best = sorted(trained, key=lambda n: (-(first[n] or 0.0), n))
    share = len(first) // eta
    assert promoted >= set(best[: min(1, share)])
    assert len(promoted) >= min(share, len(trained))
    assert not promoted - set(trained)
    assert bool(promoted or log.last) == bool(
        trained
    )  # at least one candidate is trained to the end


@given(st.lists(rewards, max_size=40), st.integers(2, 4), st.integers(1, 4), st.integers(0, 9))
def test_a_candidate_that_was_not_promotable_is_never_promoted(
    first: list[float | None], eta: int, rungs: int, seed: int
) -> None:
    assert not simulate(
        SuccessiveHalving(rungs=rungs, eta=eta), first, seed
    ).wrongly_not_promotable


def test_by_hand() -> None:
    halving = SuccessiveHalving(rungs=3, eta=3)
    for number, reward in enumerate([0.3, 0.5]):
        halving.finish(number, 0, outcome(reward))
    assert halving.next_promotion() is None  # a third of two candidates is none
    halving.finish(2, 0, outcome(0.4))
    assert halving.next_promotion() == (1, 1)
    halving.promote(1, 1)
    assert halving.running == {1: 1}
    assert halving.next_promotion() is None
    for number, reward in ((3, 0.9), (4, 0.1), (5, 0.2)):
        halving.finish(number, 0, outcome(reward))
    assert halving.next_promotion() == (3, 1)  # 2 of 6, and one of them is promoted already
    halving.promote(3, 1)
    assert list(halving.promotable(coming=0)) == []
    assert list(halving.promotable(coming=3)) == [
        (2, 0)
    ]  # of 9 candidates the third best is promoted
    halving.finish(1, 1, outcome(0.6))
    halving.finish(3, 1, outcome(None))
    assert halving.last_promotion() == (1, 2)
    halving.promote(1, 2)
    halving.finish(1, 2, outcome(0.7))
    assert halving.last_promotion() is None


def test_a_sampler_that_improves_does_not_promote_every_candidate() -> None:
    """Each is better than all before but one; without a limit 27 of 30 would be promoted."""
    halving, promoted = SuccessiveHalving(rungs=2, eta=3), []
    halving.finish(100, 0, outcome(0.99))
    for number in range(1, 30):
        halving.finish(number, 0, outcome(0.02 * number))
        while place := halving.next_promotion():
            halving.promote(*place)
            promoted.append(place[0])
    assert len(promoted) == 10
    assert promoted[0] == 100
    halving.finish(30, 0, outcome(1.0))
    assert halving.next_promotion() == (30, 1)  # although 10 of 31 are promoted already


def test_equals_go_in_the_order_of_their_numbers() -> None:
    halving = SuccessiveHalving(rungs=2, eta=2)
    for number in (7, 3, 5, 9):
        halving.finish(number, 0, outcome(0.5))
    order = []
    while place := halving.next_promotion():
        halving.promote(*place)
        order.append(place[0])
    assert order == [3, 5]


def test_what_was_dropped_was_never_on_the_ladder() -> None:
    halving = SuccessiveHalving(rungs=2, eta=2)
    dropped = Outcome(state=State.DROPPED, reward=0.0, reason="no")
    halving.finish(0, 0, dropped)
    halving.finish(1, 0, outcome(0.5))
    assert halving.finished(0) == 1
    assert halving.next_promotion() is None


def test_no_candidate_is_promoted_twice_or_before_it_finished() -> None:
    halving = SuccessiveHalving(rungs=3, eta=2)
    with pytest.raises(ValueError, match="candidate 0 cannot be promoted to rung 1"):
        halving.promote(0, 1)
    halving.finish(0, 0, outcome(0.5))
    halving.promote(0, 1)
    with pytest.raises(ValueError, match="cannot be promoted"):
        halving.promote(0, 1)


@pytest.mark.parametrize(("rungs", "eta"), [(0, 3), (3, 1)])
def test_rungs_and_eta_have_least_values(rungs: int, eta: int) -> None:
    with pytest.raises(ValueError, match=r"SuccessiveHalving\.(rungs|eta) must be"):
        SuccessiveHalving(rungs=rungs, eta=eta)
