"""Updates of the policy: clipped objective, optimizer and advantages."""

import numpy as np
import pytest
import torch

from nas.candidate import State
from nas.samplers.controller.episodes import Action, RewardBaseline
from nas.samplers.controller.policy import clipped_objective
from tests.toys.trials import binary_trial, small_policy


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
    policy = small_policy(seed=0, epochs=1)

    def update(*decisions: str) -> None:
        actions = [
            [Action(decision=name, num_options=2, option=option) for name in decisions]
            for option in (0, 1)
        ]
        policy.update(actions, [-1.0, 1.0])

    bias = policy.layers("b", 2).output.bias
    before = bias.detach().clone()
    for number in range(4):
        update("a", f"c{number}")
    assert torch.equal(bias, before)
    update("b")
    np.testing.assert_allclose((bias - before).detach().numpy(), [-0.01, 0.01], rtol=1e-5)


def test_trials_without_actions_are_left_out() -> None:
    first, second = (small_policy(seed=0) for _ in range(2))
    actions = [[Action(decision="a", num_options=2, option=option)] for option in (0, 1)]
    first.update(actions, [-1.0, 1.0])
    second.update([actions[0], [], actions[1]], [-1.0, 3.0, 1.0])
    second.update([[]], [3.0])
    assert first.log_probs(first.advance(None, []), "a", 2) == second.log_probs(
        second.advance(None, []), "a", 2
    )


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
