"""The controller's network against PyTorch, and its learning against what it must depend on."""

import json
import math
import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from nas.candidate import Candidate, Choices, Outcome, State
from nas.engine.engine import Engine
from nas.engine.ledger import Ledger
from nas.engine.study import ProposalStudy, quiet_optuna
from nas.samplers import make_sampler, sampler_factory
from nas.samplers.controller.lstm import Adam
from nas.samplers.controller.policy import Policy
from nas.samplers.controller.trial_batch import LOG_PROBS, Lesson, Step, steps_of
from tests.toys.space import ToySpace, toy_outcome

SIZES = {"depth": 3, "block": 2, "kernel": 4}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_optuna()
    monkeypatch.setattr(os, "fsync", lambda fd: None)


def some_trials() -> list[list[Step]]:
    """Three trials, one of which makes fewer decisions."""
    rng = random.Random(0)
    names = (["depth", "block", "kernel"], ["depth"], ["depth", "block", "kernel"])
    return [
        [Step(name=n, num_options=SIZES[n], chosen=rng.randrange(SIZES[n])) for n in row]
        for row in names
    ]


def torch_log_probs(weights: dict[str, torch.Tensor], steps: list[Step]) -> list[torch.Tensor]:
    """The log-probabilities of each decision, by PyTorch's own cell."""
    size = weights["recurrent"].shape[1]
    cell = torch.nn.LSTMCell(size, size, dtype=torch.float64)
    state, heard, found = None, weights["start"], []
    values = {
        "weight_ih": weights["inputs"],
        "weight_hh": weights["recurrent"],
        "bias_ih": weights["bias"],
        "bias_hh": torch.zeros_like(weights["bias"]),
    }
    for step in steps:
        state = torch.func.functional_call(cell, values, (heard, state))
        logits = state[0] @ weights[f"{step.name}/weight"].T + weights[f"{step.name}/bias"]
        found.append(torch.log_softmax(logits, dim=1)[0])
        heard = weights[f"{step.name}/embedding"][step.chosen : step.chosen + 1]
    return found


def test_the_network_and_its_gradient_are_pytorchs() -> None:
    policy, batch = Policy(seed=1, hidden=5), some_trials()
    lesson = Lesson.of(batch)
    verdict = policy.judge(lesson)
    weights = {n: torch.tensor(w, requires_grad=True) for n, w in policy.weights.items()}
    slope = np.random.default_rng(0).normal(size=verdict.log_probs.shape)
    slope[lesson.foreign | ~lesson.made[..., None]] = 0.0
    total = torch.zeros((), dtype=torch.float64)
    for trial, steps in enumerate(batch):
        for time, (step, expected) in enumerate(
            zip(steps, torch_log_probs(weights, steps), strict=True)
        ):
            at = lesson.columns[step.name]
            np.testing.assert_allclose(
                verdict.log_probs[time, trial, at], expected.detach().numpy(), rtol=1e-12
            )
            total = total + (expected * torch.tensor(slope[time, trial, at])).sum()
    total.backward()
    # d log_softmax / d logits, by hand: the slope minus its sum times the probabilities.
    logits = slope - slope.sum(axis=2, keepdims=True) * np.exp(verdict.log_probs)
    found = policy.gradients(lesson, verdict, logits * lesson.made[..., None])
    assert set(found) == set(weights)
    for name, gradient in found.items():
        used = weights[name].grad  # None where no later decision hears the choice
        expected = torch.zeros_like(weights[name]) if used is None else used
        np.testing.assert_allclose(gradient, expected.numpy(), rtol=1e-9, atol=1e-13)


def test_drawing_and_learning_see_the_same_probabilities() -> None:
    policy, (steps, *_) = Policy(seed=1, hidden=5), some_trials()
    lesson = Lesson.of([steps])
    verdict = policy.judge(lesson)
    thought = policy.begin()
    for time, step in enumerate(steps):
        drawn = policy.log_probs(thought, step.name, step.num_options)
        at = lesson.columns[step.name]
        np.testing.assert_allclose(drawn, verdict.log_probs[time, 0, at], rtol=1e-12)
        assert math.isclose(sum(map(math.exp, drawn)), 1.0)
        thought = policy.choose(thought, step)


def test_adam_takes_full_steps_along_a_steady_gradient_and_lets_the_rest_rest() -> None:
    """A steady gradient is its own mean, and its square its own mean square: steps of the rate."""
    weights = {"a": np.zeros(2), "b": np.zeros(1)}
    adam = Adam(0.01)
    for _ in range(4):
        adam.step(weights, {"a": np.array([3.0, -0.5])})
    np.testing.assert_allclose(weights["a"], [-0.04, 0.04], rtol=1e-6)
    assert weights["b"] == 0.0
    adam.step(weights, {"b": np.array([7.0])})  # its first step, though Adam's fifth
    np.testing.assert_allclose(weights["b"], [-0.01], rtol=1e-6)
    np.testing.assert_allclose(weights["a"], [-0.04, 0.04], rtol=1e-6)


def play(
    study: ProposalStudy, *, workers: int, seed: int = 0
) -> Iterator[tuple[str, int, Choices, Any]]:
    """Ask and tell for ever, out of order with several workers; every ninth trial fails."""
    rng = random.Random(seed)
    running: list[tuple[int, Choices]] = []
    while True:
        while len(running) < workers:
            proposal = study.propose()
            running.append((proposal.number, proposal.choices))
            yield "asked", proposal.number, proposal.choices, proposal.attrs
        number, choices = running.pop(rng.randrange(workers))
        outcome = toy_outcome(Candidate(number=number, choices=choices, key=""))
        if number % 9 == 4:
            outcome = Outcome.failed("NaN")
        study.tell(number, outcome)
        yield "told", number, choices, outcome


@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("name", ["controller", "nsga2"])
def test_a_rebuilt_study_goes_on_to_the_last_bit(name: str, workers: int) -> None:
    space = ToySpace()
    first = ProposalStudy(space.decisions(), sampler_factory(name, seed=3))
    events = list(islice(play(first, workers=workers), 80))
    for cut in (37, 62):
        second = ProposalStudy(space.decisions(), sampler_factory(name, seed=3))
        for kind, number, choices, note in events[:cut]:
            if kind == "asked":  # as it comes back from a file
                assert second.place(choices, json.loads(json.dumps(note))).number == number
            else:
                second.tell(number, note)
        for kind, number, choices, note in events[cut:]:
            if kind == "asked":
                again = second.propose()
                assert (again.number, again.choices, again.attrs) == (number, choices, note)
            else:
                second.tell(number, note)


def test_the_ledger_keeps_the_log_probability_of_every_decision(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with Ledger(path, {}) as ledger:
        engine = Engine(ToySpace(), sampler_factory("controller", seed=0), ledger, budget=30)
        while candidate := engine.ask():
            engine.tell(candidate, toy_outcome(candidate))
    proposals = [json.loads(line) for line in path.read_text().splitlines()]
    proposals = [event for event in proposals if event["event"] in ("asked", "duplicate")]
    assert len(proposals) >= 30
    for event in proposals:
        notes = event["attrs"]["system"][LOG_PROBS]
        assert set(notes) == set(event["choices"])
        assert all(value < 0 for value in notes.values())


def two_kinds(policy_seed: int, value_of_zero: float, *, state: State | None = None) -> Any:
    """A study of ten trials that chose 0 or 1 throughout, and the sampler it taught."""
    sampler: Any = make_sampler("controller", seed=policy_seed, batch=10, entropy=0.0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions: dict[str, BaseDistribution] = {
        f"d{i}": CategoricalDistribution((0, 1)) for i in range(4)
    }
    rng = random.Random(0)
    for number in range(10):
        first = number % 2
        params = {"d0": first, **{f"d{i}": rng.randrange(2) for i in range(1, 4)}}
        attrs = {"state": str(state), "told": number} if state and not first else {"told": number}
        value = 1.0 if first else value_of_zero
        study.add_trial(
            optuna.trial.create_trial(
                params=params, distributions=distributions, value=value, user_attrs=attrs
            )
        )
    policy: Policy = sampler._learner.policy(study)
    return math.exp(policy.log_probs(policy.begin(), "d0", 2)[0])


@pytest.mark.parametrize("state", [None, State.FAIL, State.INFEASIBLE])
def test_an_update_makes_what_paid_likelier(state: State | None) -> None:
    assert two_kinds(0, 0.0, state=state) < 0.47
    if state is None:
        assert two_kinds(0, 2.0) > 0.53


def test_the_clip_stops_what_has_moved_far_enough() -> None:
    """A choice that was drawn with a tiny probability is far over the clip: it earns no more."""

    def after_one_update(log_prob: float) -> float:
        sampler: Any = make_sampler("controller", seed=0, batch=2, entropy=0.0, epochs=1)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for value in (0, 1):  # 1 pays, 0 is held back as it is
            study.add_trial(
                optuna.trial.create_trial(
                    params={"d": value},
                    distributions={"d": CategoricalDistribution((0, 1))},
                    value=float(value),
                    system_attrs={LOG_PROBS: {"d": log_prob if value else -1e-9}},
                )
            )
        policy: Policy = sampler._learner.policy(study)
        return policy.log_probs(policy.begin(), "d", 2)[1]

    untaught = Policy(seed=0, hidden=64)
    before = untaught.log_probs(untaught.begin(), "d", 2)[1]
    assert after_one_update(-9.0) == before  # ratio far over 1.2, and far under 0.8
    assert after_one_update(before) > before


def test_it_learns_in_a_study_of_the_users_own() -> None:
    def objective(trial: optuna.Trial) -> float:
        chosen = [trial.suggest_categorical(f"d{i}", ("a", "b", "c")) for i in range(5)]
        trial.suggest_float("x", 0.0, 1.0)
        return float(sum(one == "b" for one in chosen))

    study = optuna.create_study(
        direction="maximize", sampler=make_sampler("controller", seed=0, hidden=16)
    )
    study.enqueue_trial({"d0": "b", "x": 0.5})  # decisions that nobody drew
    study.optimize(objective, n_trials=250)
    values = [trial.value or 0.0 for trial in study.trials]
    assert np.mean(values[:50]) < 2.4
    assert np.mean(values[-50:]) > 3.5
    assert "d0" not in study.trials[0].system_attrs[LOG_PROBS]
    assert isinstance(study.trials[0].distributions["x"], FloatDistribution)
    assert [step.name for step in steps_of(study.trials[0])] == [f"d{i}" for i in range(5)]


def test_one_sampler_serves_several_studies_one_after_the_other() -> None:
    sampler: Any = make_sampler("controller", seed=0)
    learner = sampler._learner
    taught = optuna.create_study(direction="maximize", sampler=sampler)
    taught.optimize(lambda trial: float(trial.suggest_categorical("d", (0, 1)) or 0), n_trials=25)
    again = optuna.create_study(direction="maximize", sampler=sampler)
    untaught = Policy(seed=0, hidden=64)

    def of_first(policy: Policy) -> list[float]:
        return policy.log_probs(policy.begin(), "d", 2)

    assert of_first(learner.policy(taught)) != of_first(untaught)
    assert of_first(learner.policy(again)) == of_first(untaught)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"hidden": 0}, "hidden must be a whole number >= 1, got 0"),
        ({"batch": True}, "batch must be a whole number >= 1, got True"),
        ({"learning_rate": 0.0}, "learning_rate must be > 0, got 0.0"),
        ({"clip": 1.0}, r"clip must be in \(0, 1\), got 1.0"),
        ({"entropy": float("nan")}, "entropy must be a number, got nan"),
        ({"baseline_decay": 1}, r"baseline_decay must be in \[0, 1\), got 1"),
    ],
)
def test_senseless_options_are_refused(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"controller's {message}"):
        make_sampler("controller", seed=0, **option)


def test_several_objectives_are_refused() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=make_sampler("controller", seed=0)
    )
    with pytest.raises(ValueError, match="controller's study must have one objective, got 2"):
        study.ask({"d": CategoricalDistribution((0, 1))})
