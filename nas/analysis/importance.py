"""Importance of the decisions of a search for its reward, by Optuna's evaluators."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas.analysis.ranking import at_highest_rung
from nas.candidate import Record
from search_space.spaces.decision import Choice, Decision

if TYPE_CHECKING:
    from optuna.importance import BaseImportanceEvaluator

MIN_CANDIDATES = 10  # below, every decision explains the few rewards about as well
# Above, the forest of all shufflings takes longer than a reader waits.
MAX_CANDIDATES_OF_FOREST = 400
NUM_TREES = 32
NUM_SHUFFLES = 10
_FOREST, _PED_ANOVA = "MeanDecreaseImpurity", "PED-ANOVA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """Importance of one decision.

    Attributes:
        decision: Name of the decision.
        share: Its part of the importance of all decisions, in [0, 1].
        is_above_chance: Whether the share exceeds `Importances.share_of_chance`.
    """

    decision: str
    share: float
    is_above_chance: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Importances:
    """Importances of all decisions with at least two options.

    Attributes:
        evaluator: Name of Optuna's evaluator.
        num_candidates: Candidates whose rewards it explained.
        share_of_chance: Largest importance of any decision when the rewards were shuffled, so
            that no decision had an effect, as a share like the others. If none has an effect,
            one exceeds it with a probability of at most 1 / (`NUM_SHUFFLES` + 1).
        decisions: The decisions, in the order of the space; empty for too few candidates.
    """

    evaluator: str
    num_candidates: int
    share_of_chance: float = 0.0
    decisions: tuple[Importance, ...] = ()


def decision_importances(
    records: Sequence[Record], decisions: Sequence[Decision], *, seed: int = 0
) -> Importances:
    """Return the importance of each decision for the rewards of the highest rung.

    A stage that a candidate has removed counts as one further option of its decisions. Up to
    `MAX_CANDIDATES_OF_FOREST` candidates, a random forest is fitted to the rewards, and the mean
    decrease of impurity is taken (Breiman, "Random Forests", Machine Learning 45, 2001). Above,
    PED-ANOVA compares the choices of the best tenth with those of all (Watanabe et al.,
    arXiv:2304.10255). Each is repeated with shuffled rewards, because few candidates give every
    decision some importance.

    Args:
        records: Candidates of a search.
        decisions: Decisions of its space.
        seed: Of the forest and of the shufflings.
    """
    trained = at_highest_rung(records)
    count = len(trained)
    is_small = count <= MAX_CANDIDATES_OF_FOREST
    name = _FOREST if is_small else _PED_ANOVA
    open_decisions = [one for one in decisions if len(_options(one)) > 1]
    rewards = [record.outcome.reward for record in trained]
    if count < MIN_CANDIDATES or not open_decisions or len(set(rewards)) < 2:
        return Importances(evaluator=name, num_candidates=count)
    evaluator = _evaluator(seed=seed, is_small=is_small)
    rng, chance = random.Random(seed), 0.0
    found = _importances(evaluator, trained, rewards, open_decisions)
    total = sum(found.values()) or 1.0
    for _ in range(NUM_SHUFFLES):
        rng.shuffle(rewards)
        by_chance = _importances(evaluator, trained, rewards, open_decisions)
        chance = max(chance, *by_chance.values())
    return Importances(
        evaluator=name,
        num_candidates=count,
        share_of_chance=chance / total,
        decisions=tuple(
            Importance(
                decision=one.name,
                share=found.get(one.name, 0.0) / total,
                is_above_chance=found.get(one.name, 0.0) > chance,
            )
            for one in open_decisions
        ),
    )


def _options(decision: Decision) -> tuple[Choice | None, ...]:
    """Return the options, with None for a removed stage."""
    return (*decision.options, None) if decision.requires else decision.options


def _evaluator(*, seed: int, is_small: bool) -> "BaseImportanceEvaluator":
    from optuna.importance import (  # here, because the import takes a second
        MeanDecreaseImpurityImportanceEvaluator,
        PedAnovaImportanceEvaluator,
    )

    if is_small:
        return MeanDecreaseImpurityImportanceEvaluator(n_trees=NUM_TREES, seed=seed)
    return PedAnovaImportanceEvaluator(evaluate_on_local=False)


def _importances(
    evaluator: "BaseImportanceEvaluator",
    trained: Sequence[Record],
    rewards: Sequence[float],
    decisions: Sequence[Decision],
) -> dict[str, float]:
    """Return decision -> its importance, not scaled; decisions of one value are left out."""
    import optuna
    from optuna.distributions import BaseDistribution, CategoricalDistribution

    names = {
        one.name
        for one in decisions
        if len({record.candidate.choices.get(one.name) for record in trained}) > 1
    }
    distributions: dict[str, BaseDistribution] = {
        one.name: CategoricalDistribution(_options(one)) for one in decisions if one.name in names
    }
    if not distributions:
        return {}
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it announces a new study
    try:
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler())
    finally:
        optuna.logging.set_verbosity(level)
    study.add_trials(
        [
            optuna.trial.create_trial(
                params={name: record.candidate.choices.get(name) for name in distributions},
                distributions=distributions,
                value=reward,
            )
            for record, reward in zip(trained, rewards, strict=True)
        ]
    )
    return {name: float(value) for name, value in evaluator.evaluate(study).items()}
