"""Finalists: the best candidates of a search, trained again, and the winner among them."""

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nas.analysis.ranking import best_record
from nas.analysis.statistics import RankCorrelation, is_at_chance, spearman
from nas.candidate import Outcome, Record, State
from nas.engine.job import Training


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """One of the best candidates of a search, with its further trainings.

    Attributes:
        record: The result of the search.
        rank_after_search: 1 for the best candidate of the search.
        trainings: The further trainings, at least one.
        outcomes: The outcome of each training.
        reward: Reward of the mean accuracy and the median step time; 0 if no training succeeded.
    """

    record: Record
    rank_after_search: int
    trainings: tuple[Training, ...]
    outcomes: tuple[Outcome, ...]
    reward: float = 0.0

    @property
    def trained(self) -> tuple[Outcome, ...]:
        """Outcomes of the trainings that succeeded."""
        return tuple(one for one in self.outcomes if one.state is State.COMPLETE)

    @property
    def failed(self) -> int:
        """Number of trainings that failed."""
        return len(self.outcomes) - len(self.trained)

    @property
    def reasons(self) -> str:
        """Why trainings failed; empty if none did."""
        return "; ".join(sorted({one.reason for one in self.outcomes if one.reason}))

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Accuracy of each training that succeeded, in [0, 1]."""
        return tuple(one.training.accuracy for one in self.trained)

    @property
    def accuracy_std(self) -> float | None:
        """Sample standard deviation of the accuracy over the seeds; None below two trainings."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    @property
    def at_chance(self) -> bool:
        """Whether guessing explains the mean accuracy."""
        return bool(self.trained) and is_at_chance(
            statistics.fmean(self.accuracies),
            images=sum(one.training.held_out_images for one in self.trained),
            chance=statistics.fmean(one.training.chance_accuracy for one in self.trained),
        )

    @property
    def can_win(self) -> bool:
        """Whether a training succeeded and the mean accuracy is above chance."""
        return bool(self.trained) and not self.at_chance

    @property
    def with_retrained_metrics(self) -> Record:
        """The candidate with the mean accuracy and the median step time of its trainings.

        Raises:
            ValueError: If no training succeeded.
        """
        if not self.trained:
            raise ValueError(f"no further training of {self.record.candidate} succeeded")
        first = self.trained[0]
        before = self.record.outcome.metrics.training
        training = replace(
            first.training,
            accuracy=statistics.fmean(self.accuracies),
            at_chance=self.at_chance,
            rung=before.rung if before else None,
        )
        median_s = statistics.median(one.costs.step_time_s for one in self.trained)
        measured = self.record.outcome.metrics.costs
        costs = replace(
            first.costs,
            latency=measured.latency if measured else None,  # measured in the search only
            timing=replace(first.costs.timing, step_time_s=median_s),
            relative_step_time=statistics.median(
                one.costs.relative_step_time for one in self.trained
            ),
        )
        metrics = replace(first.metrics, training=training, costs=costs)
        outcome = replace(self.record.outcome, reward=self.reward, metrics=metrics)
        return replace(self.record, outcome=outcome)

    def provenance(self) -> dict[str, Any]:
        """Return the part of ``best.json`` that describes the further trainings."""
        return {
            "trainings": len(self.trained),
            "failed_trainings": self.failed,
            "epochs": self.trainings[0].epochs,
            "seeds": [training.seed for training in self.trainings],
            "accuracies": list(self.accuracies),
            "accuracy_std": self.accuracy_std,
            "rank_after_search": self.rank_after_search,
            "reward_after_search": self.record.outcome.reward,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finals:
    """All finalists of a search.

    Attributes:
        finalists: The finalists, the best after the further trainings first.
        rank_correlation: Rank correlation of the search's ranking, in which a higher rung
            precedes any reward, with the rewards after the further trainings.
        rank_correlation_of_params: The same for a ranking by parameters alone, the largest first.
    """

    finalists: tuple[Finalist, ...]
    rank_correlation: RankCorrelation
    rank_correlation_of_params: RankCorrelation

    @property
    def winner(self) -> Finalist | None:
        """The best finalist that can win, or None."""
        return next((one for one in self.finalists if one.can_win), None)

    @property
    def none_trained(self) -> bool:
        """Whether every further training failed."""
        return not any(one.trained for one in self.finalists)


def winner(records: Sequence[Record], finals: Finals | None) -> Record | None:
    """Return the winner of a search with its metrics, or None if no candidate can win.

    The winner is the best finalist. Without finalists, or if no further training succeeded, it is
    the best candidate of the search.
    """
    if finals is None or finals.none_trained:
        return best_record(records)
    return finals.winner.with_retrained_metrics if finals.winner else None


def finalist_trainings(
    chosen: Sequence[Record], *, seeds: Sequence[int], epochs: int
) -> tuple[Training, ...]:
    """Return the further trainings: all finalists with the first seed, then with the next."""
    pairs = itertools.product(seeds, chosen)
    return tuple(Training.of(one.candidate, seed=seed, epochs=epochs) for seed, one in pairs)


def judge_finalists(
    chosen: Sequence[Record],
    trainings: Sequence[Training],
    outcomes: Mapping[str, Outcome],
    *,
    w: float,
    v: float,
) -> Finals:
    """Rank the finalists by their further trainings; failed trainings rank a finalist lower.

    Args:
        chosen: The finalists, the best of the search first.
        trainings: Their trainings.
        outcomes: `Training.file_stem` -> outcome, for all trainings.
        w: Exponent of step time in the reward.
        v: Exponent of parameters in the reward.
    """
    finalists = []
    for rank, record in enumerate(chosen, start=1):
        own = tuple(one for one in trainings if one.number == record.candidate.number)
        ends = tuple(outcomes[one.file_stem] for one in own)
        finalist = Finalist(record=record, rank_after_search=rank, trainings=own, outcomes=ends)
        if finalist.trained:
            retrained = finalist.with_retrained_metrics.outcome.with_reward(w=w, v=v)
            finalist = replace(finalist, reward=retrained.reward)
        finalists.append(finalist)
    finalists.sort(
        key=lambda one: (not one.can_win, one.failed, -one.reward, one.rank_after_search)
    )
    trained = [one for one in finalists if one.trained]
    rewards = [one.reward for one in trained]
    params = [float(one.record.outcome.costs.num_params) for one in trained]
    return Finals(
        finalists=tuple(finalists),
        rank_correlation=spearman([-one.rank_after_search for one in trained], rewards),
        rank_correlation_of_params=spearman(params, rewards),
    )
