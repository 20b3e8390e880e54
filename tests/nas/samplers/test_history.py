"""The incremental history of a study against a full scan."""

import copy
import pickle
import random

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState

from nas.engine.study import quiet_optuna
from nas.samplers.history import History, completion


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet_optuna()


def full_scan(study: optuna.Study) -> list[int]:
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return [trial.number for trial in sorted(trials, key=completion)]


def numbers(history: History, study: optuna.Study) -> list[int]:
    return [trial.number for trial in history.update(study)]


@pytest.mark.parametrize("seed", range(5))
def test_complete_trials_are_those_of_a_full_scan(seed: int) -> None:
    rng, study, history = random.Random(seed), optuna.create_study(), History()
    running: list[optuna.Trial] = []
    for _ in range(120):
        action = rng.random()
        if action < 0.5 or not running:
            running.append(study.ask({"d": CategoricalDistribution((0, 1))}))
        else:
            trial = running.pop(rng.randrange(len(running)))
            if rng.random() < 0.2:
                study.tell(trial, state=TrialState.FAIL)
            else:
                study.tell(trial, rng.random())
        if rng.random() < 0.4:
            assert numbers(history, study) == full_scan(study)
    assert numbers(history, study) == full_scan(study)
    assert len(full_scan(study)) > 20


class Appended(History):
    """Records the trials appended since the last restart."""

    def _restart(self) -> None:
        self.appended: list[int] = []

    def _append(self, trial: optuna.trial.FrozenTrial, study: optuna.Study) -> None:
        self.appended.append(trial.number)


def test_the_state_restarts_only_after_a_change_before_the_end() -> None:
    def add(told: int) -> None:
        study.add_trial(optuna.trial.create_trial(value=0.0, user_attrs={"told": told}))

    study, history = optuna.create_study(), Appended()
    for told in (5, 6):
        add(told)
        history.update(study)
    first = history.appended
    add(7)
    assert numbers(history, study) == [0, 1, 2] == history.appended
    assert history.appended is first
    add(1)
    assert numbers(history, study) == [3, 0, 1, 2] == history.appended
    assert history.appended is not first
    other = optuna.create_study()
    assert numbers(history, other) == [] == history.appended
    assert numbers(history, study) == [3, 0, 1, 2] == history.appended


def test_copies_and_pickles_return_the_same_trials() -> None:
    study, history = optuna.create_study(), History()
    study.add_trial(optuna.trial.create_trial(value=0.0))
    history.update(study)
    for twin in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert numbers(twin, study) == [0]
