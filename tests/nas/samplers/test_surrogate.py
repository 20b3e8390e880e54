"""What the model-guided sampler promises beyond the contract of every sampler."""

import math
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
from optuna.trial import Trial, TrialState

from nas.candidate import Outcome, State
from nas.engine.study import ProposalStudy, quiet_optuna
from nas.metrics import Metrics
from nas.samplers import make_sampler, sampler_factory
from nas.samplers.surrogate.candidate_pool import CandidatePool, keys_of, spread_out, unseen
from nas.samplers.surrogate.conditions import Conditions
from nas.samplers.surrogate.encoded_trials import KnownTrials
from nas.samplers.surrogate.expected_improvement import RewardModel
from nas.samplers.surrogate.gp.categorical_gp import CategoricalGP
from nas.samplers.surrogate.gp.relevance import relevances
from nas.samplers.surrogate.gp.similarity import Likeness
from nas.samplers.surrogate.levels import Levels
from nas.samplers.surrogate.trial_reader import TrialReader
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
def test_an_additive_function_is_solved_where_chance_finds_half(name: str) -> None:
    def best(sampler: str, seed: int) -> float:
        study = optuna.create_study(direction="maximize", sampler=make_sampler(sampler, seed=seed))
        study.optimize(additive, n_trials=50)
        return study.best_value

    assert all(best("random", seed) < 0.8 for seed in range(4))
    assert all(best(name, seed) > 0.9 for seed in range(2))


def test_what_auto_proposes_is_the_same_in_a_rebuilt_study() -> None:
    """At every moment, the turns of evolution included."""
    space = ToySpace(stages=3)

    def study() -> ProposalStudy:
        return ProposalStudy(space.decisions(), sampler_factory("auto", seed=5, alone=12))

    whole = study()
    history: list[dict[str, Any]] = []
    for _ in range(24):
        rebuilt = study()
        for number, choices in enumerate(history):
            rebuilt.place(choices)
            rebuilt.tell(number, outcome(choices))
        proposal = whole.propose()
        assert rebuilt.propose().choices == proposal.choices
        whole.tell(proposal.number, outcome(proposal.choices))
        history.append(dict(proposal.choices))


def outcome(choices: Any) -> Outcome:
    return Outcome(state=State.COMPLETE, reward=toy_reward(choices))


def test_nothing_known_or_in_training_is_proposed_again() -> None:
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
    assert len(seen) >= 59  # the second proposal may not yet know what the first one left out


@pytest.mark.parametrize("state", [State.FAIL, State.INFEASIBLE])
def test_what_fails_is_avoided(state: State) -> None:
    """A third of the space fails, and it is where the reward would be best."""
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


def test_decisions_of_a_removed_stage_are_left_out() -> None:
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
    names = list(known.levels)
    assert names == [decision.name for decision in space.decisions()]
    conditions = Conditions.read(known.seen, known.sizes)
    assert [rule is not None for rule in conditions.rules] == [False] * 7 + [True] * 2
    pool = CandidatePool(conditions=conditions, rng=np.random.default_rng(0))
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


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (FloatDistribution(0.5, 8.5), 3.3),
        (FloatDistribution(1e-5, 1e-1, log=True), 3e-4),
        (IntDistribution(1, 1000, log=True), 17),
        (IntDistribution(4, 400, step=4), 44),
    ],
)
def test_a_bin_holds_the_numbers_that_it_gives(distribution: Any, value: float) -> None:
    levels = Levels.of(distribution)
    rng = np.random.default_rng(0)
    assert abs(levels.bin_of(levels.value(levels.bin_of(value), rng)) - levels.bin_of(value)) <= 1
    assert {levels.bin_of(distribution.low), levels.bin_of(distribution.high)} == {0, 7}


def three_switches() -> Likeness:
    """Three decisions that have nothing in common."""
    return Likeness.of(
        [Levels.of(CategoricalDistribution((f"{name}0", f"{name}1"))) for name in "abc"]
    )


def test_decisions_with_the_same_options_share_features() -> None:
    same = CategoricalDistribution(("a", "b", "c"))
    other = CategoricalDistribution(("x", "y"))
    likeness = Likeness.of([Levels.of(one) for one in (same, same, other)])
    points = codes((0, 1, 0), (1, 0, 1), (0, 1, 1))
    own = likeness.own_features(points, np.ones(3))
    common = likeness.common_features(points)
    assert own @ own.T == pytest.approx(np.array([[3, 0, 2], [0, 3, 1], [2, 1, 3]]) / 3)
    assert common[0] == pytest.approx(common[1])  # the same options, elsewhere
    assert common.shape == (3, 4)


def test_neighbouring_numbers_are_alike_and_names_are_not() -> None:
    numbers = CategoricalDistribution((8, 16, 24, 32))
    names = CategoricalDistribution(("d", "c", "b", "a"))
    for distribution, order in ((numbers, True), (names, False)):
        likeness = Likeness.of([Levels.of(distribution)])
        own = likeness.own_features(codes((0,), (1,), (3,)), np.ones(1))
        agree = own @ own.T
        assert np.diag(agree) == pytest.approx(1.0)
        assert (agree[0, 1] > agree[0, 2] > 0.0) == order
        assert (agree[0, 1] == pytest.approx(0.0)) == (not order)


def test_what_matters_more_weighs_more_in_the_likeness() -> None:
    likeness, points = three_switches(), codes((0, 0, 0), (1, 0, 0), (0, 1, 1))
    own = likeness.own_features(points, np.array([2.0, 0.5, 0.5]))
    assert (own @ own.T)[0] == pytest.approx([1, 1 / 3, 2 / 3])
    agreement = likeness.agreement(points)
    assert agreement.shape == (3, 3, 3)
    assert agreement[:, 0, 1].tolist() == [0, 1, 1]


def test_relevances_find_the_decision_that_matters() -> None:
    """Of three decisions one decides alone; the gradient is that of the evidence."""
    rng = np.random.default_rng(0)
    points = rng.integers(2, size=(40, 3))
    target = (points[:, 1] - points[:, 1].mean()) / points[:, 1].std()
    agreement = three_switches().agreement(points)
    found = relevances(
        agreement,
        target + 0.05 * rng.normal(size=40),
        lambda own: (np.exp(3 * (own - 1)), 3 * np.exp(3 * (own - 1))),
        noise=0.02,
        prior=2.0,
    )
    assert found.mean() == pytest.approx(1.0)
    assert found[1] > 3 * max(found[0], found[2])
    unknown = relevances(
        agreement[:, :1, :1], target[:1] * 0, lambda own: (own, own / own), noise=0.02, prior=2.0
    )
    assert unknown == pytest.approx(1.0)


def test_accuracy_and_costs_are_told_apart_where_the_trials_tell_both() -> None:
    """Accuracy rises with one decision, and what it costs with another: both are known apart."""
    study = ProposalStudy(ToySpace().decisions(), sampler_factory("random", seed=0))
    for number in range(3):
        metrics = Metrics(other={"accuracy": 0.5 if number else 0.25})
        proposal = study.propose()
        study.tell(
            proposal.number,
            Outcome(state=State.COMPLETE, reward=0.2 + 0.1 * number, metrics=metrics),
        )
    told = TrialReader().read(study._study, asking=9)
    assert told.penalties == pytest.approx([-0.2231, -0.5108, -0.2231], abs=1e-4)  # ln 0.8, 0.6
    silent = study.propose()
    study.tell(silent.number, Outcome(state=State.COMPLETE, reward=0.4))
    assert TrialReader().read(study._study, asking=9).penalties is None


@pytest.mark.parametrize("cheap", [True, False])
def test_a_model_of_the_parts_is_believed_where_they_are_simpler(cheap: bool) -> None:
    """Reward = accuracy x costs, each of another decision; or a simple reward and odd parts."""
    rng = np.random.default_rng(1)
    points = np.unique(rng.integers(4, size=(60, 4)), axis=0)
    rng.shuffle(points)
    odd = rng.normal(scale=0.3, size=len(points))
    accuracy = 0.3 + 0.1 * points[:, 0] + 0.05 * points[:, 1]
    penalties = 0.3 * points[:, 2] - 0.3 * points[:, 3]
    if not cheap:
        penalties = odd
        accuracy = accuracy / np.exp(odd)
    known = KnownTrials(
        levels={
            name: Levels.of(CategoricalDistribution(tuple(f"{name}{n}" for n in range(4))))
            for name in "abcd"
        },
        codes=points,
        rewards=accuracy * np.exp(penalties),
        penalties=penalties,
        forecasts=np.zeros(len(points)),
        failed=points[:0],
        pending=points[:0],
    )
    whole, parts = RewardModel(known).shares
    assert (parts > 0.9) == cheap
    assert (whole > 0.9) == (not cheap)


def penalty(choices: Any) -> float:
    """Costs that no model could learn: drawn for every candidate, of mean 0 and deviation 0.3."""
    return random.Random(str(sorted(choices.items()))).gauss(0.0, 0.3)


@pytest.mark.parametrize("name", ["surrogate", "auto"])
def test_costs_that_are_known_decide_where_accuracy_does_not(name: str) -> None:
    space = ToySpace(stages=3)
    mean = {}
    for forecast in (penalty, None):
        study = ProposalStudy(space.decisions(), sampler_factory(name, seed=3, forecast=forecast))
        costs = []
        for _ in range(16):
            proposal = study.propose()
            costs.append(penalty(proposal.choices))
            told = Outcome(
                state=State.COMPLETE,
                reward=0.5 * math.exp(costs[-1]),
                metrics=Metrics(other={"accuracy": 0.5}),
            )
            study.tell(proposal.number, told)
        mean[forecast is not None] = sum(costs[8:]) / 8
        known = TrialReader(forecast).read(study._study, asking=99)
        assert known.penalties == pytest.approx(
            np.array([penalty(one) for one in told_choices(study)])
        )
        assert known.forecasts == pytest.approx(
            known.penalties if forecast else 0.0 * known.penalties
        )
    assert mean[True] > 0.3
    assert mean[False] < 0.2


def told_choices(study: ProposalStudy) -> list[Any]:
    return [trial.params for trial in study._study.get_trials(deepcopy=False)]


def test_a_forecast_goes_to_the_samplers_that_can_use_it() -> None:
    for name in ("random", "evolution", "tpe", "nsga2", "controller", "auto"):
        assert sampler_factory(name, seed=0, forecast=penalty)(0) is not None
    with pytest.raises(ValueError, match="surrogate's forecast must be a function, got 3"):
        make_sampler("surrogate", seed=0, forecast=3)
    with pytest.raises(ValueError, match="sampler must be one of"):
        sampler_factory("nonsuch", seed=0, forecast=penalty)


def test_a_reader_that_saw_every_step_reads_what_a_new_one_reads() -> None:
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
        kept, fresh = (one.read(study._study, asking=-1) for one in (reader, TrialReader()))
        assert list(kept.levels) == list(fresh.levels)
        for name in ("codes", "rewards", "failed", "pending"):
            assert getattr(kept, name).tobytes() == getattr(fresh, name).tobytes(), name
    assert len(kept.codes) > 20
    assert len(kept.pending) == 4


def test_the_process_interpolates_and_is_unsure_elsewhere() -> None:
    points = codes((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0))
    rewards = points.sum(axis=1).astype(float)[:, None]
    gp = CategoricalGP(points, rewards, three_switches(), pending=points[:0], most=4)
    (belief,) = gp.believe(np.concatenate([points, codes((1, 1, 1))]))
    mean, unsure = belief.weights @ belief.mean, belief.weights @ belief.deviation
    assert mean[:5] == pytest.approx(rewards[:, 0], abs=0.15)
    assert mean[5] > 2.2  # never seen, and the largest by what each decision adds
    assert unsure[5] > unsure[:5].max()


def test_what_is_in_training_is_less_uncertain_and_no_better() -> None:
    points = codes((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    rewards = np.array([[0.0], [1.0], [2.0], [4.0]])
    asked = codes((1, 1, 1))
    switches = three_switches()
    (before,) = CategoricalGP(points, rewards, switches, pending=asked[:0], most=1).believe(asked)
    (after,) = CategoricalGP(points, rewards, switches, pending=asked, most=1).believe(asked)
    assert after.mean == pytest.approx(before.mean)
    assert after.deviation < 0.5 * before.deviation


def test_a_duplicate_of_what_is_in_training_is_no_failure() -> None:
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
    study.place(choices)
    for rung, reward in enumerate((0.25, 0.75)):
        told = Outcome(state=State.COMPLETE, reward=reward, metrics=Metrics(other={"rung": rung}))
        study.tell(rung, told)
    assert TrialReader().read(study._study, asking=9).rewards.tolist() == [0.25]


def test_the_start_tries_what_was_not_tried() -> None:
    known = codes((0, 0), (0, 1), (0, 0))
    assert spread_out(codes((0, 0), (1, 1), (0, 1)), known).tolist() == [1, 1]
    assert unseen(codes((0, 0), (1, 1), (1, 1)), keys_of(known)).tolist() == [[1, 1]]


def test_senseless_settings_and_several_objectives_are_refused() -> None:
    with pytest.raises(ValueError, match="surrogate's startup must be a whole number >= 1, got 0"):
        make_sampler("surrogate", seed=0, startup=0)
    with pytest.raises(ValueError, match="pool must be a whole number >= 8, got"):
        make_sampler("surrogate", seed=0, pool=2.5)
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=make_sampler("surrogate", seed=0)
    )
    with pytest.raises(ValueError, match="must have one objective, got 2"):
        study.ask({"d": CategoricalDistribution((0, 1))})
