"""The surrogate sampler, beyond the contract of every sampler."""

import math
import random
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import Trial

from nas.candidate import Outcome, State
from nas.engine.study import ProposalStudy, quiet_optuna
from nas.metrics import Metrics
from nas.samplers import make_sampler, sampler_factory
from nas.samplers.surrogate.candidate_pool import CandidatePool, least_tried, row_keys, unseen
from nas.samplers.surrogate.decision_encoding import DecisionEncoding
from nas.samplers.surrogate.expected_improvement import RewardModel
from nas.samplers.surrogate.trial_reader import EncodedTrials, TrialReader
from tests.toys.space import ToySpace, toy_reward


@pytest.fixture(autouse=True)
def _quiet() -> None:
    quiet_optuna()


def codes(*rows: tuple[int, ...]) -> Any:
    return np.array(rows, dtype=np.int64)


def additive(trial: Trial) -> float:
    """The share of 12 decisions whose choice is the second of four."""
    names = [f"d{number}" for number in range(12)]
    return sum(trial.suggest_categorical(name, "abcd") == "b" for name in names) / 12


@pytest.mark.parametrize("name", ["surrogate", "auto"])
def test_an_additive_function_is_solved_far_better_than_by_random(name: str) -> None:
    def best(sampler: str, seed: int) -> float:
        study = optuna.create_study(direction="maximize", sampler=make_sampler(sampler, seed=seed))
        study.optimize(additive, n_trials=50)
        return study.best_value

    assert all(best("random", seed) < 0.8 for seed in range(4))
    assert all(best(name, seed) > 0.9 for seed in range(2))


def test_auto_proposes_the_same_in_a_rebuilt_study() -> None:
    """After every trial, including the proposals of evolution."""
    space = ToySpace(stages=3)

    def study() -> ProposalStudy:
        return ProposalStudy(space.decisions(), sampler_factory("auto", seed=5, alone=12))

    whole = study()
    history: list[dict[str, Any]] = []
    for _ in range(24):
        rebuilt = study()
        for number, choices in enumerate(history):
            rebuilt.open_trial(choices)
            rebuilt.tell(number, outcome(choices))
        proposal = whole.propose()
        assert rebuilt.propose().choices == proposal.choices
        whole.tell(proposal.number, outcome(proposal.choices))
        history.append(dict(proposal.choices))


def outcome(choices: Any) -> Outcome:
    return Outcome(state=State.COMPLETE, reward=toy_reward(choices))


def test_finished_and_running_points_are_not_proposed_again() -> None:
    space = ToySpace(stages=2)  # 108 points
    study = ProposalStudy(space.decisions(), sampler_factory("surrogate", seed=0))
    rng, seen, running = random.Random(0), set(), []
    for _ in range(60):
        proposal = study.propose()
        seen.add(space.key(proposal.choices))
        running.append(proposal)
        if len(running) == 8:
            done = running.pop(rng.randrange(8))
            study.tell(done.number, outcome(done.choices))
    assert len(seen) >= 59  # the second proposal does not know all decisions yet


@pytest.mark.parametrize("state", [State.FAIL, State.INFEASIBLE])
def test_failing_points_are_avoided(state: State) -> None:
    """A third of the space fails, where the reward would be best."""
    space = ToySpace(stages=3)
    study = ProposalStudy(space.decisions(), sampler_factory("surrogate", seed=1))
    failures = []
    for _ in range(60):
        proposal = study.propose()
        failures.append(proposal.choices["stage1.depth"] == 2)
        failed = Outcome(state=state, reward=0.0)
        study.tell(proposal.number, failed if failures[-1] else outcome(proposal.choices))
    assert sum(failures[:12]) >= 2
    assert sum(failures[-24:]) <= 4


def test_decisions_of_a_removed_stage_are_inactive() -> None:
    space = ToySpace(stages=3)
    study = optuna.create_study(sampler=make_sampler("surrogate", seed=0), direction="maximize")

    def objective(trial: Trial) -> float:
        choices: dict[str, Any] = {}
        for decision in space.decisions():
            if decision.requires is None or choices[decision.requires] != 0:
                choices[decision.name] = trial.suggest_categorical(decision.name, decision.options)
        return toy_reward(choices)

    study.optimize(objective, n_trials=30)
    known = TrialReader().read(study, asking=-1)
    names = list(known.encodings)
    assert names == [decision.name for decision in space.decisions()]
    pool = CandidatePool(known.seen, known.sizes, np.random.default_rng(0))
    assert [rule is not None for rule in pool.rules] == [False] * 7 + [True] * 2
    drawn = pool.mutants(pool.random(200), np.full(200, 2))
    removed = drawn[:, names.index("stage3.depth")] == 0
    assert 0 < removed.sum() < 200
    for name in ("stage3.block", "stage3.kernel"):
        assert ((drawn[:, names.index(name)] == 2) == removed).all()


def test_numbers_are_proposed_within_their_ranges_and_steps() -> None:
    def objective(trial: Trial) -> float:
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        width = trial.suggest_int("width", 8, 512, step=8)
        few = trial.suggest_int("few", 1, 3)
        share = trial.suggest_float("share", 0, 1, step=0.25)
        trial.suggest_float("fixed", 2.0, 2.0)
        return few - abs(math.log10(rate) + 2) - abs(width - 256) / 256 + share

    study = optuna.create_study(direction="maximize", sampler=make_sampler("surrogate", seed=0))
    study.optimize(objective, n_trials=60)
    for params in (trial.params for trial in study.trials):
        assert 1e-4 <= params["rate"] <= 1e-1
        assert params["width"] % 8 == 0
        assert 8 <= params["width"] <= 512
        assert params["share"] in (0, 0.25, 0.5, 0.75, 1)
    assert study.best_value > 3.5


@pytest.mark.parametrize("cheap", [True, False])
def test_the_product_model_has_the_larger_share_if_its_factors_are_simpler(cheap: bool) -> None:
    """Accuracy and costs depend on different decisions, or only their product is simple."""
    rng = np.random.default_rng(1)
    points = np.unique(rng.integers(4, size=(60, 4)), axis=0)
    rng.shuffle(points)
    odd = rng.normal(scale=0.3, size=len(points))
    accuracy = 0.3 + 0.1 * points[:, 0] + 0.05 * points[:, 1]
    log_factors = 0.3 * points[:, 2] - 0.3 * points[:, 3]
    if not cheap:
        log_factors = odd
        accuracy = accuracy / np.exp(odd)
    known = EncodedTrials(
        encodings={
            name: DecisionEncoding(CategoricalDistribution(tuple(f"{name}{n}" for n in range(4))))
            for name in "abcd"
        },
        codes=points,
        rewards=accuracy * np.exp(log_factors),
        log_cost_factors=log_factors,
        predicted_log_cost_factors=np.zeros(len(points)),
        failed=points[:0],
        pending=points[:0],
    )
    whole, parts = RewardModel(known).shares
    assert (parts > 0.9) == cheap
    assert (whole > 0.9) == (not cheap)


class RandomCosts:
    """Costs that no model can learn: drawn for every candidate, of mean 0 and deviation 0.3."""

    def log_cost_factor(self, choices: Any) -> float:
        return random.Random(str(sorted(choices.items()))).gauss(0.0, 0.3)


@pytest.mark.parametrize("name", ["surrogate", "auto"])
def test_known_costs_decide_between_equal_accuracies(name: str) -> None:
    space = ToySpace(stages=3)
    exact, mean = RandomCosts(), {}
    for predictor in (exact, None):
        factory = sampler_factory(name, seed=3, predictor=predictor)
        study = ProposalStudy(space.decisions(), factory)
        costs = []
        for _ in range(16):
            proposal = study.propose()
            costs.append(exact.log_cost_factor(proposal.choices))
            told = Outcome(
                state=State.COMPLETE,
                reward=0.5 * math.exp(costs[-1]),
                metrics=Metrics(other={"accuracy": 0.5}),
            )
            study.tell(proposal.number, told)
        mean[predictor is not None] = sum(costs[8:]) / 8
        known = TrialReader(predictor).read(study._study, asking=99)
        assert known.log_cost_factors == pytest.approx(
            np.array([exact.log_cost_factor(choices) for choices in told_choices(study)])
        )
        assert known.predicted_log_cost_factors == pytest.approx(
            known.log_cost_factors if predictor else 0.0 * known.log_cost_factors
        )
    assert mean[True] > 0.3
    assert mean[False] < 0.2


def told_choices(study: ProposalStudy) -> list[Any]:
    return [trial.params for trial in study._study.get_trials(deepcopy=False)]


def test_a_predictor_is_passed_to_the_samplers_that_can_use_it() -> None:
    for name in ("random", "evolution", "tpe", "nsga2", "controller", "auto"):
        assert sampler_factory(name, seed=0, predictor=RandomCosts())(0) is not None
    with pytest.raises(ValueError, match="predictor must have the method log_cost_factor, got 3"):
        make_sampler("surrogate", seed=0, predictor=3)
    with pytest.raises(ValueError, match="sampler must be one of"):
        sampler_factory("nonsuch", seed=0, predictor=RandomCosts())


def test_the_start_tries_levels_that_were_not_tried() -> None:
    known = codes((0, 0), (0, 1), (0, 0))
    assert least_tried(codes((0, 0), (1, 1), (0, 1)), known).tolist() == [1, 1]
    assert unseen(codes((0, 0), (1, 1), (1, 1)), set(row_keys(known))).tolist() == [[1, 1]]


def test_settings_out_of_range_and_several_objectives_are_refused() -> None:
    with pytest.raises(ValueError, match="surrogate's startup must be a whole number >= 1, got 0"):
        make_sampler("surrogate", seed=0, startup=0)
    with pytest.raises(ValueError, match="pool must be a whole number >= 8, got"):
        make_sampler("surrogate", seed=0, pool=2.5)
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=make_sampler("surrogate", seed=0)
    )
    with pytest.raises(ValueError, match="must have one objective, got 2"):
        study.ask({"d": CategoricalDistribution((0, 1))})
