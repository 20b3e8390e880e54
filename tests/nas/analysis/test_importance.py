"""Importances of decisions: one that sets the reward stands out, noise does not."""

import random
from dataclasses import replace

import pytest

from nas.analysis import importance
from nas.analysis.importance import decision_importances
from nas.candidate import Record
from tests.nas.nas_records import TINY, failed, trained

DECISIONS = TINY.decisions()


def records_of(count: int, reward_of: dict[object, float] | None) -> list[Record]:
    """Return candidates drawn at random; the expansion of stage 2 sets the reward, or noise."""
    rng, made = random.Random(0), []
    for number in range(count):
        choices = TINY.sample(rng)
        noise = rng.random()
        reward = noise if reward_of is None else reward_of[choices["stage2.expand_ratio"]]
        record = trained(number, reward + 0.01 * noise)
        made.append(replace(record, candidate=replace(record.candidate, choices=choices)))
    return made


def test_the_decision_that_sets_the_reward_is_above_chance() -> None:
    found = decision_importances(records_of(40, {1: 0.9, 4: 0.5, 6: 0.1}), DECISIONS)
    most = max(found.decisions, key=lambda one: one.share)
    assert most.decision == "stage2.expand_ratio"
    assert most.share > 0.9
    assert most.is_above_chance
    assert [one.decision for one in found.decisions if one.is_above_chance] == [most.decision]
    assert (found.evaluator, found.num_candidates) == ("MeanDecreaseImpurity", 40)


def test_noise_is_not_above_chance() -> None:
    found = decision_importances(records_of(20, None), DECISIONS)
    assert not any(one.is_above_chance for one in found.decisions)
    assert sum(one.share for one in found.decisions) > 0.99  # some share each, all by chance


def test_many_candidates_are_compared_by_ped_anova(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "MAX_CANDIDATES_OF_FOREST", 100)
    found = decision_importances(records_of(101, {1: 0.9, 4: 0.5, 6: 0.1}), DECISIONS)
    assert found.evaluator == "PED-ANOVA"
    assert max(found.decisions, key=lambda one: one.share).decision == "stage2.expand_ratio"


def test_too_few_candidates_have_no_importances() -> None:
    few = [*records_of(9, None), failed(9)]
    found = decision_importances(few, DECISIONS)
    assert found.decisions == ()
    assert found.num_candidates == 9


def test_equal_rewards_have_no_importances() -> None:
    alike = [trained(number, 0.5) for number in range(12)]
    assert decision_importances(alike, DECISIONS).decisions == ()
