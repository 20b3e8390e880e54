"""Encoding of decisions and trials."""

import random
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import TrialState

from nas.candidate import Outcome, State
from nas.engine.study import ProposalStudy, quiet_optuna
from nas.metrics import Metrics
from nas.samplers import sampler_factory
from nas.samplers.surrogate.decision_encoding import DecisionEncoding
from nas.samplers.surrogate.trial_reader import TrialReader
from tests.toys.space import ToySpace, toy_reward


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet_optuna()


def test_cost_factors_are_known_if_every_trial_has_an_accuracy() -> None:
    study = ProposalStudy(ToySpace().decisions(), sampler_factory("random", seed=0))
    for number in range(3):
        metrics = Metrics(other={"accuracy": 0.5 if number else 0.25})
        proposal = study.propose()
        study.tell(
            proposal.number,
            Outcome(state=State.COMPLETE, reward=0.2 + 0.1 * number, metrics=metrics),
        )
    trials = TrialReader().read(study._study, asking=9)
    expected = np.log([0.2 / 0.25, 0.3 / 0.5, 0.4 / 0.5])
    assert trials.log_cost_factors == pytest.approx(expected)
    silent = study.propose()
    study.tell(silent.number, Outcome(state=State.COMPLETE, reward=0.4))
    assert TrialReader().read(study._study, asking=9).log_cost_factors is None


def test_an_incremental_reader_reads_the_same_as_a_new_one() -> None:
    space = ToySpace(stages=3)
    study = ProposalStudy(space.decisions(), sampler_factory("random", seed=0))
    reader, rng, running = TrialReader(), random.Random(0), []
    for _ in range(60):
        running.append(study.propose())
        if len(running) == 5:
            done = running.pop(rng.randrange(5))
            state = rng.choice([State.COMPLETE, State.COMPLETE, State.FAIL])
            reward = toy_reward(done.choices) if state is State.COMPLETE else 0.0
            told = Outcome(state=state, reward=reward)
            study.tell(done.number, told if rng.random() < 0.9 else None)
        kept, fresh = (each.read(study._study, asking=-1) for each in (reader, TrialReader()))
        assert list(kept.encodings) == list(fresh.encodings)
        for name in ("codes", "rewards", "failed", "pending"):
            assert getattr(kept, name).tobytes() == getattr(fresh, name).tobytes(), name
    assert len(kept.codes) > 20
    assert len(kept.pending) == 4


def test_a_duplicate_of_a_running_trial_is_not_a_failure() -> None:
    study = optuna.create_study(direction="maximize")
    distributions: dict[str, BaseDistribution] = {"d": CategoricalDistribution((0, 1))}
    study.add_trial(
        optuna.trial.create_trial(
            state=TrialState.RUNNING, params={"d": 0}, distributions=distributions
        )
    )
    for option in (0, 1):
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.FAIL, params={"d": option}, distributions=distributions
            )
        )
    known = TrialReader().read(study, asking=9)
    assert known.pending.tolist() == [[0]]
    assert known.failed.tolist() == [[1]]


def test_rewards_of_a_later_rung_are_not_mixed_with_the_first() -> None:
    study = ProposalStudy(ToySpace().decisions(), sampler_factory("random", seed=0))
    choices = study.propose().choices
    study.open_trial(choices)
    for rung, reward in enumerate((0.25, 0.75)):
        told = Outcome(state=State.COMPLETE, reward=reward, metrics=Metrics(other={"rung": rung}))
        study.tell(rung, told)
    assert TrialReader().read(study._study, asking=9).rewards.tolist() == [0.25]


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (FloatDistribution(0.5, 8.5), 3.3),
        (FloatDistribution(1e-5, 1e-1, log=True), 3e-4),
        (IntDistribution(1, 1000, log=True), 17),
        (IntDistribution(4, 400, step=4), 44),
    ],
)
def test_a_bin_contains_the_numbers_drawn_from_it(distribution: Any, value: float) -> None:
    encoding = DecisionEncoding(distribution)
    level = encoding.level(value)
    drawn = encoding.value(level, np.random.default_rng(0))
    assert abs(encoding.level(drawn) - level) <= 1
    assert {encoding.level(distribution.low), encoding.level(distribution.high)} == {0, 7}
