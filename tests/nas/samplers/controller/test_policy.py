"""The policy network: its distributions and its initial weights."""

import math
import random

import numpy as np
import torch

from nas.samplers.controller.episodes import Action
from nas.samplers.controller.policy import pad_trials
from tests.toys.trials import small_policy

SIZES = {"depth": 3, "block": 2, "kernel": 4}


def some_trials() -> list[list[Action]]:
    """Three trials, one of which makes fewer decisions."""
    rng = random.Random(0)
    names = (["depth", "block", "kernel"], ["depth"], ["depth", "block", "kernel"])
    return [
        [
            Action(decision=name, num_options=SIZES[name], option=rng.randrange(SIZES[name]))
            for name in row
        ]
        for row in names
    ]


def test_probabilities_sum_to_one_over_the_options_of_the_steps_decision() -> None:
    num_options, actions, _ = pad_trials(some_trials())
    options = small_policy(seed=1).forward(num_options, actions)
    probs, entropy = options.probs.detach().numpy(), options.entropy().detach().numpy()
    np.testing.assert_allclose(probs.sum(axis=2), 1.0, rtol=1e-12)
    steps = np.array([["depth"] * 3, ["block", "kernel", "block"], ["kernel"] * 3])
    of_option = np.repeat(list(num_options), list(num_options.values()))
    invalid = steps[:, :, None] != of_option
    assert (actions.numpy() < 0).tolist() == [[False] * 3] + [[False, True, False]] * 2
    assert (probs[invalid] == 0.0).all()
    assert (probs[~invalid] > 0.0).all()
    sizes = (~invalid).sum(axis=2)
    assert (entropy <= np.log(sizes) + 1e-12).all()
    assert (entropy > 0.99 * np.log(sizes)).all()  # the first weights are near 0


def test_a_trial_has_the_same_probabilities_alone_and_in_a_padded_batch() -> None:
    policy, trials = small_policy(seed=1), some_trials()
    num_options, actions, log_probs = pad_trials(trials)
    assert (actions >= 0).sum(dim=0).tolist() == [3, 1, 3]
    assert log_probs.isnan().all()
    probs = policy.forward(num_options, actions).log_prob(actions.clamp(min=0))
    for index, trial in enumerate(trials):
        num_options, alone, _ = pad_trials([trial])
        expected = policy.forward(num_options, alone).log_prob(alone)[:, 0]
        torch.testing.assert_close(probs[: len(trial), index], expected, rtol=1e-12, atol=0.0)


def test_drawing_and_learning_see_the_same_probabilities() -> None:
    policy, (actions, *_) = small_policy(seed=1), some_trials()
    probs = policy.forward(*pad_trials([actions])[:2]).probs.detach().numpy()
    first = 0  # of the decision's options among those of all decisions
    state = policy.advance(None, [])
    for time, action in enumerate(actions):
        drawn = policy.log_probs(state, action.decision, action.num_options)
        expected = probs[time, 0, first : first + action.num_options]
        np.testing.assert_allclose(np.exp(drawn), expected, rtol=1e-12)
        first += action.num_options
        assert math.isclose(sum(map(math.exp, drawn)), 1.0)
        state = policy.advance(state, [action])


def test_first_weights_do_not_depend_on_the_order_of_decisions() -> None:
    first, second = small_policy(seed=1), small_policy(seed=1)
    for policy, names in ((first, ("depth", "block")), (second, ("block", "depth"))):
        for name in names:
            policy.layers(name, SIZES[name])
    for name in ("depth", "block"):
        assert torch.equal(
            first.layers(name, SIZES[name]).output.weight,
            second.layers(name, SIZES[name]).output.weight,
        )
    other = small_policy(seed=2).layers("depth", SIZES["depth"]).output.weight
    assert not torch.equal(first.layers("depth", SIZES["depth"]).output.weight, other)
    assert other.abs().max() <= 0.1
