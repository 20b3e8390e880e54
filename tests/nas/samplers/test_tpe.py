import random
import warnings
from typing import Literal

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState

from nas.engine.study import quiet_optuna
from nas.samplers import make_sampler
from nas.samplers.tpe import BEST, WINDOW, recent

Direction = Literal["maximize", "minimize"]
DECISIONS: dict[str, BaseDistribution] = {
    f"d{number}": CategoricalDistribution((0, 1, 2)) for number in range(5)
}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet_optuna()


def study_of(num_trials: int, direction: Direction = "maximize") -> optuna.Study:
    study, rng = optuna.create_study(direction=direction), random.Random(0)
    for _ in range(num_trials):
        params = {name: rng.randrange(3) for name in DECISIONS}
        study.add_trial(
            optuna.trial.create_trial(
                params=params, distributions=DECISIONS, value=sum(params.values()) + rng.random()
            )
        )
    return study


def test_with_few_trials_the_proposals_are_optunas() -> None:
    study = study_of(120)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        optunas = optuna.samplers.TPESampler(
            seed=3, n_startup_trials=10, multivariate=True, group=True, constant_liar=True
        )
    proposals = []
    for sampler in (make_sampler("tpe", seed=3), optunas):
        study.sampler = sampler
        proposals.append(study.ask(DECISIONS).params)
        study.tell(len(study.trials) - 1, state=TrialState.FAIL)
    assert proposals[0] == proposals[1]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_with_many_trials_the_best_and_the_newest_are_kept(direction: Direction) -> None:
    study = study_of(WINDOW + 100, direction)
    running = study.ask(DECISIONS).number
    shown = recent(study).get_trials(deepcopy=False)
    numbers = [trial.number for trial in shown]
    assert numbers == sorted(numbers)
    assert numbers[-1] == running
    assert len(numbers) == WINDOW + 1
    ranked = sorted(study.trials[:running], key=lambda trial: trial.value or 0.0)
    best = ranked[-BEST:] if direction == "maximize" else ranked[:BEST]
    assert {trial.number for trial in best} <= set(numbers)
    assert set(range(running - WINDOW + BEST, running)) <= set(numbers)
    study.sampler = make_sampler("tpe", seed=0)
    assert set(study.ask(DECISIONS).params) == set(DECISIONS)


def test_with_several_objectives_all_trials_are_kept() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    assert recent(study) is study
