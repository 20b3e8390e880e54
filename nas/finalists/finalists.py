"""The best of a search, trained again: who wins when luck is averaged out."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nas.analysis.chance import is_at_chance
from nas.analysis.rank_correlation import RankCorrelation, spearman
from nas.analysis.ranking import best_record
from nas.candidate import Outcome, Record, State
from nas.engine.job import Training
from nas.reward import weighted_product


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """A candidate that was among the best of the search, with its further trainings.

    Attributes:
        record: What the search knew of it.
        first_rank: Its place after the search, 1 for the highest reward.
        trainings: The further trainings, at least one.
        outcomes: How each of them ended.
        reward: Of the mean accuracy and the median step time; 0 where no training ended well.
    """

    record: Record
    first_rank: int
    trainings: tuple[Training, ...]
    outcomes: tuple[Outcome, ...]
    reward: float

    @property
    def trained(self) -> tuple[Outcome, ...]:
        """The outcomes of the trainings that ended well."""
        return tuple(one for one in self.outcomes if one.state is State.COMPLETE)

    @property
    def failed(self) -> int:
        """Trainings that failed."""
        return len(self.outcomes) - len(self.trained)

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Accuracy of each training that ended well, in [0, 1]."""
        return tuple(one.training.accuracy for one in self.trained)

    @property
    def accuracy_std(self) -> float | None:
        """Standard deviation over the seeds, of the sample; None for fewer than two."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    @property
    def at_chance(self) -> bool:
        """Whether its mean accuracy is explained by guessing."""
        return bool(self.trained) and is_at_chance(
            statistics.fmean(self.accuracies),
            images=sum(one.training.held_out_images for one in self.trained),
            chance=statistics.fmean(one.training.chance_accuracy for one in self.trained),
        )

    @property
    def can_win(self) -> bool:
        """Whether it was trained again, and to more than chance."""
        return bool(self.trained) and not self.at_chance

    @property
    def confirmed(self) -> Record:
        """The candidate with the measurements of its further trainings.

        Accuracy is their mean, step times are their medians, and the reward is of these.
        """
        metrics = self.record.outcome.metrics.updated(self.trained[0].metrics)
        assert metrics.training is not None
        assert metrics.costs is not None
        median_s = statistics.median(one.costs.step_time_s for one in self.trained)
        training = replace(
            metrics.training,
            accuracy=statistics.fmean(self.accuracies),
            at_chance=self.at_chance,
        )
        costs = replace(
            metrics.costs,
            timing=replace(metrics.costs.timing, step_time_s=median_s),
            relative_step_time=median_relative_step_time(self.trained),
        )
        outcome = replace(
            self.record.outcome,
            reward=self.reward,
            metrics=replace(metrics, training=training, costs=costs),
        )
        return replace(self.record, outcome=outcome)

    def provenance(self) -> dict[str, Any]:
        """What best.json says of how its figures came about."""
        return {
            "trainings": len(self.trained),
            "failed_trainings": self.failed,
            "epochs": self.trainings[0].epochs,
            "seeds": [training.seed for training in self.trainings],
            "accuracies": list(self.accuracies),
            "accuracy_std": self.accuracy_std,
            "rank_after_search": self.first_rank,
            "reward_after_search": self.record.outcome.reward,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finals:
    """All finalists of a search, and whether its ranking held.

    Attributes:
        finalists: The best after the further trainings first.
        held: Rank correlation of the search's ranking, in which a higher rung goes before any
            reward, with the rewards of the further trainings.
        by_params: The same of parameters alone, more of them ranked higher.
    """

    finalists: tuple[Finalist, ...]
    held: RankCorrelation
    by_params: RankCorrelation

    @property
    def winner(self) -> Finalist | None:
        """The best finalist that can win, if any."""
        return next((one for one in self.finalists if one.can_win), None)

    @property
    def none_trained(self) -> bool:
        """Whether every further training failed."""
        return not any(one.trained for one in self.finalists)


def winner(records: Sequence[Record], finals: Finals | None) -> Record | None:
    """Return who wins a search, with the measurements that say so; None where nobody can.

    That is the best finalist. Without finalists, or where none of them could be trained again,
    it is the highest reward of the search.
    """
    if finals is None or finals.none_trained:
        return best_record(records)
    return finals.winner.confirmed if finals.winner else None


def choose_finalists(records: Sequence[Record], count: int) -> tuple[Record, ...]:
    """Return the `count` candidates of the highest reward that can win, best first.

    Where candidates were trained to different rungs, a higher rung goes before any reward.
    """
    able = [record for record in records if record.can_win]
    able.sort(key=lambda record: record.rank, reverse=True)
    return tuple(able[:count])


def finalist_trainings(
    chosen: Sequence[Record], *, seeds: Sequence[int], epochs: int
) -> tuple[Training, ...]:
    """Return the further trainings: all finalists with the first seed, then with the next."""
    return tuple(
        Training.of(record.candidate, seed=seed, epochs=epochs)
        for seed in seeds
        for record in chosen
    )


def judge_finalists(
    chosen: Sequence[Record],
    trainings: Sequence[Training],
    outcomes: Mapping[str, Outcome],
    *,
    w: float,
    v: float,
) -> Finals:
    """Rank the finalists by what their further trainings say.

    One with a training that failed stands behind those without.

    Args:
        chosen: The finalists, the search's best first.
        trainings: Their trainings.
        outcomes: Label of a training -> how it ended; all of them are there.
        w: Exponent of step time in the reward.
        v: Exponent of parameters.
    """
    finalists = []
    for rank, record in enumerate(chosen, start=1):
        own = tuple(one for one in trainings if one.number == record.candidate.number)
        ends = tuple(outcomes[one.file_stem] for one in own)
        reward = mean_reward(ends, w=w, v=v)
        finalists.append(
            Finalist(record=record, first_rank=rank, trainings=own, outcomes=ends, reward=reward)
        )
    finalists.sort(key=lambda one: (not one.can_win, one.failed, -one.reward, one.first_rank))
    again = [one for one in finalists if one.trained]
    rewards = [one.reward for one in again]
    return Finals(
        finalists=tuple(finalists),
        held=spearman([float(-one.first_rank) for one in again], rewards),
        by_params=spearman([float(one.record.outcome.costs.num_params) for one in again], rewards),
    )


def mean_reward(outcomes: Sequence[Outcome], *, w: float, v: float) -> float:
    """Return the reward of the mean accuracy, the median S and P; 0 where nothing was trained."""
    trained = [one for one in outcomes if one.state is State.COMPLETE]
    if not trained:
        return 0.0
    return weighted_product(
        statistics.fmean(one.training.accuracy for one in trained),
        median_relative_step_time(trained),
        trained[0].costs.relative_params,
        w=w,
        v=v,
    )


def median_relative_step_time(outcomes: Sequence[Outcome]) -> float:
    """Return the median of step time / the reference network's."""
    return statistics.median(one.costs.relative_step_time for one in outcomes)
