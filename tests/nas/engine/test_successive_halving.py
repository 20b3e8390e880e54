"""Who goes on to the next rung: the rule of asynchronous successive halving."""

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
class Climb:
    """What happened: who went on by the rule or as the last resort, and who was given up."""

    regular: list[RungId] = field(default_factory=list)
    last: list[RungId] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)
    given_up: set[RungId] = field(default_factory=set)
    wrongly_given_up: set[RungId] = field(default_factory=set)


def climb(
    ladder: SuccessiveHalving, first: list[float | None], seed: int, *, workers: int = 3
) -> Climb:
    """Run a search of workers that finish out of order.

    A candidate's reward at a higher rung is drawn anew, and one in ten fails there.
    """
    rng, story = random.Random(seed), Climb()
    coming = list(enumerate(first))
    running: list[tuple[int, int, float | None]] = []
    finished: set[RungId] = set()
    rewarded: dict[RungId, float] = {}
    while True:
        while len(running) < workers:
            place = ladder.next_promotion()
            if place is None and coming:
                number, reward = coming.pop(0)
                running.append((number, 0, reward))
                continue
            kind = story.regular
            if place is None and not running:
                place, kind = ladder.last_promotion(), story.last
            if place is None:
                break
            number, rung = place
            kind.append(place)
            if kind is story.regular:
                rivals = {n: reward for (n, at), reward in rewarded.items() if at == rung - 1}
                order = sorted(rivals, key=lambda n: (-rivals[n], n))
                story.places.append((order.index(number) + 1, ladder.finished(rung - 1)))
                story.wrongly_given_up |= {(number, rung - 1)} & story.given_up
            ladder.promote(number, rung)
            running.append((*place, None if rng.random() < 0.1 else rng.random()))
        if not running:
            return story
        number, rung, reward = running.pop(rng.randrange(len(running)))
        ladder.finish(number, rung, outcome(reward))
        finished.add((number, rung))
        if reward is not None:
            rewarded[number, rung] = reward
        left = len(coming) + sum(at == 0 for _, at, _ in running)
        story.given_up |= finished - set(ladder.promotable(left))


@given(st.lists(rewards, max_size=40), st.integers(2, 4), st.integers(1, 4), st.integers(0, 9))
def test_only_the_best_of_eta_go_on_and_nobody_twice(
    first: list[float | None], eta: int, rungs: int, seed: int
) -> None:
    story = climb(SuccessiveHalving(rungs=rungs, eta=eta), first, seed)
    places = story.regular + story.last
    assert len(places) == len(set(places))
    assert all(place * eta <= finished for place, finished in story.places)
    assert all(1 <= rung < rungs for _, rung in places)


@given(st.lists(rewards, min_size=1, max_size=40), st.integers(2, 4), st.integers(1, 3))
def test_in_the_end_a_share_of_the_first_rung_went_on_and_its_best(
    first: list[float | None], eta: int, seed: int
) -> None:
    ladder = SuccessiveHalving(rungs=2, eta=eta)
    story = climb(ladder, first, seed)
    promoted = {number for number, _ in story.regular}
    trained = [n for n, reward in enumerate(first) if reward is not None]
    best = sorted(trained, key=lambda n: (-(first[n] or 0.0), n))
    share = len(first) // eta
    assert promoted >= set(best[: min(1, share)])
    assert len(promoted) >= min(share, len(trained))
    assert not promoted - set(trained)
    assert bool(promoted or story.last) == bool(trained)  # somebody is trained to the end


@given(st.lists(rewards, max_size=40), st.integers(2, 4), st.integers(1, 4), st.integers(0, 9))
def test_nobody_goes_on_who_was_said_to_stay(
    first: list[float | None], eta: int, rungs: int, seed: int
) -> None:
    assert not climb(SuccessiveHalving(rungs=rungs, eta=eta), first, seed).wrongly_given_up


def test_by_hand() -> None:
    ladder = SuccessiveHalving(rungs=3, eta=3)
    for number, reward in enumerate([0.3, 0.5]):
        ladder.finish(number, 0, outcome(reward))
    assert ladder.next_promotion() is None  # two of a rung: nobody is the best third
    ladder.finish(2, 0, outcome(0.4))
    assert ladder.next_promotion() == (1, 1)
    ladder.promote(1, 1)
    assert ladder.running == {1: 1}
    assert ladder.next_promotion() is None
    for number, reward in ((3, 0.9), (4, 0.1), (5, 0.2)):
        ladder.finish(number, 0, outcome(reward))
    assert ladder.next_promotion() == (3, 1)  # 2 of 6, and one of them went on already
    ladder.promote(3, 1)
    assert list(ladder.promotable(coming=0)) == []
    assert list(ladder.promotable(coming=3)) == [(2, 0)]  # of 9 the third best goes on
    ladder.finish(1, 1, outcome(0.6))
    ladder.finish(3, 1, outcome(None))
    assert ladder.last_promotion() == (1, 2)
    ladder.promote(1, 2)
    ladder.finish(1, 2, outcome(0.7))
    assert ladder.last_promotion() is None


def test_a_sampler_that_improves_does_not_send_everybody_on() -> None:
    """Each is better than all before but one; without a limit 27 of 30 would go on."""
    ladder, promoted = SuccessiveHalving(rungs=2, eta=3), []
    ladder.finish(100, 0, outcome(0.99))
    for number in range(1, 30):
        ladder.finish(number, 0, outcome(0.02 * number))
        while place := ladder.next_promotion():
            ladder.promote(*place)
            promoted.append(place[0])
    assert len(promoted) == 10
    assert promoted[0] == 100
    ladder.finish(30, 0, outcome(1.0))
    assert ladder.next_promotion() == (30, 1)  # although the share is spent: 10 of 31


def test_equals_go_in_the_order_of_their_numbers() -> None:
    ladder = SuccessiveHalving(rungs=2, eta=2)
    for number in (7, 3, 5, 9):
        ladder.finish(number, 0, outcome(0.5))
    order = []
    while place := ladder.next_promotion():
        ladder.promote(*place)
        order.append(place[0])
    assert order == [3, 5]


def test_what_was_dropped_was_never_on_the_ladder() -> None:
    ladder = SuccessiveHalving(rungs=2, eta=2)
    dropped = Outcome(state=State.DROPPED, reward=0.0, reason="no")
    ladder.finish(0, 0, dropped)
    ladder.finish(1, 0, outcome(0.5))
    assert ladder.finished(0) == 1
    assert ladder.next_promotion() is None


def test_nobody_is_promoted_twice_or_from_nowhere() -> None:
    ladder = SuccessiveHalving(rungs=3, eta=2)
    with pytest.raises(ValueError, match="candidate 0 cannot be promoted to rung 1"):
        ladder.promote(0, 1)
    ladder.finish(0, 0, outcome(0.5))
    ladder.promote(0, 1)
    with pytest.raises(ValueError, match="cannot be promoted"):
        ladder.promote(0, 1)


@pytest.mark.parametrize(("rungs", "eta"), [(0, 3), (3, 1)])
def test_rungs_and_eta_have_least_values(rungs: int, eta: int) -> None:
    with pytest.raises(ValueError, match=r"SuccessiveHalving\.(rungs|eta) must be"):
        SuccessiveHalving(rungs=rungs, eta=eta)
