"""Updates of the policy: clipped objective, optimizer and advantages."""

from typing import Any

import numpy as np
import pytest
import torch
from optuna.study import StudyDirection

from nas.candidate import State
from nas.samplers.controller.advantages import RewardBaseline
from nas.samplers.controller.ppo import PpoLearner, clipped_objective
from nas.samplers.controller.settings import PpoSettings
from tests.toys.trials import binary_trial


def settings(**changes: Any) -> PpoSettings:
    values = {"hidden": 8, "learning_rate": 0.01, "batch": 10, "epochs": 3}
    values |= {"clip": 0.2, "entropy": 0.0, "baseline_decay": 0.95}
    return PpoSettings(**(values | changes))


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective", "slope"),
    [
        (1.1, 2.0, 2.2, 2.0),  # within the clip
        (1.5, 2.0, 2.4, 0.0),  # 1.2 x 2: a likelier good action gains nothing more
        (0.5, 2.0, 1.0, 2.0),  # a good action that became unlikely is still pulled back
        (0.5, -1.0, -0.8, 0.0),  # 0.8 x -1: an unlikelier bad action gains nothing more
        (1.5, -1.0, -1.5, -1.0),
    ],
)
def test_the_clipped_objective_by_hand(
    ratio: float, advantage: float, objective: float, slope: float
) -> None:
    ratios = torch.tensor([[ratio]], dtype=torch.float64, requires_grad=True)
    found = clipped_objective(ratios, torch.tensor([advantage], dtype=torch.float64), 0.2)
    assert found.item() == pytest.approx(objective)
    found.backward()
    assert ratios.grad is not None
    assert ratios.grad.item() == pytest.approx(slope)


def test_decisions_that_are_not_made_keep_their_weights() -> None:
    """The first Adam step of a decision has the size of the learning rate, even if it is late."""
    learner = PpoLearner(seed=0, settings=settings(epochs=1, learning_rate=0.01))
    bias = learner.policy.layers("b", 2).output.bias
    before = bias.detach().clone()
    for start in range(4):
        values = [float(start + number) for number in range(2)]
        trials = [
            binary_trial({"a": number, f"c{start}": 0}, v) for number, v in enumerate(values)
        ]
        learner.update(trials, StudyDirection.MAXIMIZE)
    assert torch.equal(bias, before)
    learner.update(
        [binary_trial({"b": 0}, 0.0), binary_trial({"b": 1}, 9.0)], StudyDirection.MAXIMIZE
    )
    np.testing.assert_allclose((bias - before).detach().numpy(), [-0.01, 0.01], rtol=1e-5)


def test_a_repeated_candidate_has_no_advantage_and_a_failed_one_the_least() -> None:
    baseline = RewardBaseline(decay=0.95)
    failed = {"user_attrs": {"state": str(State.FAIL)}}
    # The first batch has mean 2 and deviation 1; after its first reward the mean is 1.95 and
    # the variance 1 again.
    trials = [binary_trial({"a": 0}, 1.0), binary_trial({"a": 1}, 3.0)]
    assert baseline.advantages(trials, 1.0) == pytest.approx([-1.0, 1.05])
    trials = [binary_trial({"a": 0}, 1.0), binary_trial({"b": 0}, 0.0, **failed)]
    assert baseline.advantages(trials, 1.0) == [0.0, -3.0]
    (outlier,) = baseline.advantages([binary_trial({"c": 0}, 1e6)], 1.0)
    assert outlier == 3.0
    mirrored = RewardBaseline(decay=0.95).advantages(
        [binary_trial({"a": 0}, -1.0), binary_trial({"a": 1}, -3.0)], -1.0
    )
    assert mirrored == pytest.approx([-1.0, 1.05])
