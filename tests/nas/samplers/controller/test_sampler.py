"""The controller as a sampler: what it learns, and what its state may depend on."""

import json
import math
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution

from nas.candidate import Candidate, Choices, Outcome, State
from nas.engine.engine import Engine
from nas.engine.ledger import Ledger
from nas.engine.study import ProposalStudy, quiet_optuna
from nas.samplers import make_sampler, sampler_factory
from nas.samplers.controller.episodes import LOG_PROBS, actions_of
from nas.samplers.controller.policy import Policy
from tests.toys.space import ToySpace, toy_outcome
from tests.toys.trials import binary_trial


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet_optuna()
    monkeypatch.setattr(os, "fsync", lambda fd: None)


def test_learning_neither_reads_nor_changes_the_global_state_of_torch() -> None:
    def proposals() -> list[dict[str, Any]]:
        sampler = make_sampler("controller", seed=0, batch=5, hidden=8)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.optimize(lambda t: float(t.suggest_categorical("d", (0, 1, 2)) or 0), n_trials=20)
        return [trial.params | trial.system_attrs[LOG_PROBS] for trial in study.trials]

    expected, threads = proposals(), torch.get_num_threads()
    state = torch.random.get_rng_state()
    try:
        torch.set_num_threads(2)
        torch.manual_seed(1)
        changed = torch.random.get_rng_state()
        torch.set_default_dtype(torch.float16)
        with torch.no_grad():
            assert proposals() == expected
        assert torch.equal(torch.random.get_rng_state(), changed)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)
        torch.random.set_rng_state(state)


def test_torch_is_imported_with_the_first_proposal_of_a_controller() -> None:
    script = """
import sys
from optuna import create_study
from nas.samplers import make_sampler, sampler_names
for name in sampler_names():
    sampler = make_sampler(name, seed=0)
    if name != "controller":
        create_study(sampler=sampler).ask().suggest_categorical("d", [0, 1])
assert "torch" not in sys.modules
sampler = make_sampler("controller", seed=0)
create_study(sampler=sampler).ask().suggest_categorical("d", [0, 1])
assert "torch" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def play(
    study: ProposalStudy, *, workers: int, seed: int = 0
) -> Iterator[tuple[str, int, Choices, Any]]:
    """Ask and tell without end, out of order with several workers; every ninth trial fails."""
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
def test_a_rebuilt_study_continues_to_the_last_bit(name: str, workers: int) -> None:
    space = ToySpace()
    first = ProposalStudy(space.decisions(), sampler_factory(name, seed=3))
    events = list(islice(play(first, workers=workers), 80))
    for cut in (37, 62):
        second = ProposalStudy(space.decisions(), sampler_factory(name, seed=3))
        for kind, number, choices, note in events[:cut]:
            if kind == "asked":  # as it comes back from a file
                assert second.open_trial(choices, json.loads(json.dumps(note))).number == number
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


def new_policy() -> Policy:
    sampler: Any = make_sampler("controller", seed=0)
    policy: Policy = sampler._cache.policy(optuna.create_study())
    return policy


def probability_after_update(value_of_zero: float, *, state: State | None = None) -> float:
    """Return the probability of option 0 of d0 after ten trials, half of which chose it.

    Option 1 has the value 1. `state` is the state of the trials with option 0.
    """
    sampler: Any = make_sampler("controller", seed=0, batch=10, entropy=0.0)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    rng = random.Random(0)
    for number in range(10):
        first = number % 2
        choices = {"d0": first, **{f"d{i}": rng.randrange(2) for i in range(1, 4)}}
        attrs = {"state": str(state), "told": number} if state and not first else {"told": number}
        study.add_trial(binary_trial(choices, 1.0 if first else value_of_zero, user_attrs=attrs))
    policy: Policy = sampler._cache.policy(study)
    return math.exp(policy.log_probs(policy.advance(None, []), "d0", 2)[0])


@pytest.mark.parametrize("state", [None, State.FAIL, State.INFEASIBLE])
def test_an_update_makes_a_better_option_likelier(state: State | None) -> None:
    assert probability_after_update(0.0, state=state) < 0.47
    if state is None:
        assert probability_after_update(2.0) > 0.53


def test_an_action_beyond_the_clip_does_not_change_the_policy() -> None:
    """An action that was drawn with a tiny probability has a ratio far above the clip."""

    def after_one_update(log_prob: float) -> float:
        sampler: Any = make_sampler("controller", seed=0, batch=2, entropy=0.0, epochs=1)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for option in (0, 1):  # option 1 is better; option 0 has a ratio far below the clip
            log_probs = {"d": log_prob if option else -1e-9}
            study.add_trial(
                binary_trial({"d": option}, float(option), system_attrs={LOG_PROBS: log_probs})
            )
        policy: Policy = sampler._cache.policy(study)
        return policy.log_probs(policy.advance(None, []), "d", 2)[1]

    new = new_policy()
    before = new.log_probs(new.advance(None, []), "d", 2)[1]
    assert after_one_update(-9.0) == before  # ratio far over 1.2, and far under 0.8
    assert after_one_update(before) > before


def test_it_learns_in_a_study_of_a_user() -> None:
    def objective(trial: optuna.Trial) -> float:
        chosen = [trial.suggest_categorical(f"d{i}", ("a", "b", "c")) for i in range(5)]
        trial.suggest_float("x", 0.0, 1.0)
        return float(sum(one == "b" for one in chosen))

    study = optuna.create_study(
        direction="maximize", sampler=make_sampler("controller", seed=0, hidden=16)
    )
    study.enqueue_trial({"d0": "b", "x": 0.5})  # decisions that no policy drew
    study.optimize(objective, n_trials=250)
    values = [trial.value or 0.0 for trial in study.trials]
    assert np.mean(values[:50]) < 2.4
    assert np.mean(values[-50:]) > 3.5
    assert "d0" not in study.trials[0].system_attrs[LOG_PROBS]
    assert isinstance(study.trials[0].distributions["x"], FloatDistribution)
    assert [action.decision for action in actions_of(study.trials[0])] == [
        f"d{i}" for i in range(5)
    ]


def test_one_sampler_can_serve_several_studies() -> None:
    sampler: Any = make_sampler("controller", seed=0)
    trained = optuna.create_study(direction="maximize", sampler=sampler)
    trained.optimize(lambda trial: float(trial.suggest_categorical("d", (0, 1)) or 0), n_trials=25)
    again = optuna.create_study(direction="maximize", sampler=sampler)
    new = new_policy()

    def of_first(policy: Policy) -> list[float]:
        return policy.log_probs(policy.advance(None, []), "d", 2)

    assert of_first(sampler._cache.policy(trained)) != of_first(new)
    assert of_first(sampler._cache.policy(again)) == of_first(new)


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
def test_options_out_of_range_are_refused(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"controller's {message}"):
        make_sampler("controller", seed=0, **option)


def test_several_objectives_are_refused() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=make_sampler("controller", seed=0)
    )
    with pytest.raises(ValueError, match="controller's study must have one objective, got 2"):
        study.ask({"d": CategoricalDistribution((0, 1))})
