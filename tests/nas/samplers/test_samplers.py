"""The contract of every sampler; a new sampler needs an entry in `SAMPLERS`."""

import logging
import pickle
import statistics
import warnings
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import Trial, TrialState

from nas.engine.study import quiet_optuna
from nas.samplers import make_sampler, sampler_factory, sampler_names
from tests.toys.space import ToySpace, toy_reward

SAMPLERS = ("random", "tpe", "evolution", "controller", "nsga2", "surrogate", "auto")
every_sampler = pytest.mark.parametrize("name", SAMPLERS)
Objective = Callable[[Trial], float]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet_optuna()


def toy(trial: Trial, space: ToySpace = ToySpace()) -> float:  # noqa: B008 (a value)
    choices: dict[str, Any] = {}
    for decision in space.decisions():
        if decision.requires is None or choices.get(decision.requires, 0) != 0:
            choices[decision.name] = trial.suggest_categorical(decision.name, decision.options)
    return toy_reward(choices)


def run(name: str, objective: Objective, *, seed: int = 0, trials: int = 60) -> optuna.Study:
    study = optuna.create_study(direction="maximize", sampler=make_sampler(name, seed=seed))
    study.optimize(objective, n_trials=trials)
    return study


def params(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


def test_the_suite_covers_every_name() -> None:
    assert set(SAMPLERS) == set(sampler_names())


@every_sampler
def test_the_same_seed_gives_the_same_proposals(name: str) -> None:
    assert params(run(name, toy, seed=3)) == params(run(name, toy, seed=3))
    assert params(run(name, toy, seed=3)) != params(run(name, toy, seed=4))


@every_sampler
def test_minimizing_mirrors_maximizing(name: str) -> None:
    mirrored = optuna.create_study(direction="minimize", sampler=make_sampler(name, seed=1))
    mirrored.optimize(lambda trial: -toy(trial), n_trials=60)
    assert params(mirrored) == params(run(name, toy, seed=1))


@every_sampler
def test_failed_trials_do_not_stop_a_study(name: str) -> None:
    def fails_sometimes(trial: Trial) -> float:
        reward = toy(trial)
        return float("nan") if trial.number % 3 == 0 else reward

    study = run(name, fails_sometimes, trials=60)
    assert [t.state for t in study.trials].count(TrialState.FAIL) == 20


@every_sampler
def test_parallel_proposals_differ(name: str) -> None:
    study = run(name, toy, trials=40)
    asked = [study.ask() for _ in range(8)]
    for trial in asked:
        toy(trial)
    running = study.get_trials(states=(TrialState.RUNNING,))
    assert len({str(trial.params) for trial in running}) >= 4


@every_sampler
def test_a_pickled_sampler_proposes_the_same(name: str) -> None:
    study = run(name, toy, trials=25)
    restored = optuna.create_study(
        direction="maximize", sampler=pickle.loads(pickle.dumps(study.sampler))
    )
    restored.add_trials(study.trials)
    for each in (study, restored):
        each.optimize(toy, n_trials=5)
    assert params(study) == params(restored)


@every_sampler
def test_nothing_is_logged_and_no_warning_is_issued(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    optuna.logging.enable_propagation()
    with warnings.catch_warnings(), caplog.at_level(logging.INFO):
        warnings.simplefilter("error")
        run(name, toy, trials=30)
    optuna.logging.disable_propagation()
    assert not caplog.records


@every_sampler
def test_a_decision_with_one_option_is_allowed(name: str) -> None:
    def objective(trial: Trial) -> float:
        trial.suggest_categorical("only", ("one",))
        return float(trial.suggest_categorical("open", (0, 1, 2)) or 0)

    assert run(name, objective, trials=40).best_value == 2.0


@pytest.mark.parametrize("name", ["tpe", "evolution", "surrogate", "auto"])
def test_learning_beats_random_at_a_hundred_trials(name: str) -> None:
    def mean_best(name: str) -> float:
        # Seven stages: 27 million points, so random search misses the best ones.
        space = ToySpace(stages=7)
        runs = [run(name, lambda t: toy(t, space), seed=s, trials=100) for s in range(3)]
        return statistics.mean(study.best_value for study in runs)

    assert mean_best(name) > mean_best("random") + 0.05


def test_a_child_of_evolution_differs_from_a_parent_in_one_decision() -> None:
    def plain(trial: Trial) -> float:
        choices = [trial.suggest_categorical(f"d{i}", (0, 1, 2)) for i in range(6)]
        return float(sum(int(choice or 0) for choice in choices))

    study = optuna.create_study(
        direction="maximize", sampler=make_sampler("evolution", seed=0, population=5, tournament=2)
    )
    study.optimize(plain, n_trials=40)
    for trial in study.trials[5:]:
        living = study.trials[trial.number - 5 : trial.number]
        distances = [sum(trial.params[n] != t.params[n] for n in t.params) for t in living]
        assert 1 in distances


def test_old_trials_leave_the_population_of_evolution() -> None:
    """The only good trial is the first; after five more it has no children."""
    study = optuna.create_study(
        direction="maximize", sampler=make_sampler("evolution", seed=0, population=5, tournament=5)
    )
    distributions: dict[str, BaseDistribution] = {
        f"d{number}": CategoricalDistribution((0, 1)) for number in range(8)
    }
    for number in range(6):
        study.add_trial(
            optuna.trial.create_trial(
                params=dict.fromkeys(distributions, int(number == 0)),
                distributions=distributions,
                value=100.0 if number == 0 else 0.0,
            )
        )
    for _ in range(10):
        trial = study.ask(distributions)
        assert sum(trial.params.values()) == 1  # a child of one of the five that are all 0


def test_evolution_refuses_several_objectives_and_sizes_out_of_range() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=make_sampler("evolution", seed=0)
    )
    with pytest.raises(ValueError, match="must have one objective, got 2"):
        study.ask({"d": CategoricalDistribution((0, 1))})
    with pytest.raises(ValueError, match="population must be a whole number >= 2, got 1"):
        make_sampler("evolution", seed=0, population=1)
    with pytest.raises(ValueError, match=r"tournament must be in 1\.\.population \(4\), got 5"):
        make_sampler("evolution", seed=0, population=4, tournament=5)


def test_an_unknown_name_or_option_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"must be one of random, tpe, .*got 'bayes'"):
        make_sampler("bayes", seed=0)
    with pytest.raises(ValueError, match="evolution takes population, tournament, got size"):
        sampler_factory("evolution", seed=0, size=3)
    with pytest.raises(ValueError, match="random takes no options, got size"):
        make_sampler("random", seed=0, size=3)
