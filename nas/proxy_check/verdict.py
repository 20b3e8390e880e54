"""Agreement of the short training with a longer one: statistics and verdict."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nas.analysis.statistics import RankCorrelation, spearman, with_interval
from nas.candidate import Outcome

MIN_RANK_CORRELATION = 0.5  # from which the short training is worth its time
MIN_RELIABILITY = 0.7  # from which the variance between seeds is no problem
NEGLIGIBLE_SPREAD = 0.02  # of accuracy; below it, step time and parameters weigh as much
MIN_CANDIDATES = 4  # below which there are no statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyStatistics:
    """Statistics of the trainings of a check; standard deviations are of accuracies in [0, 1].

    Attributes:
        candidates: Number of candidates with all their trainings.
        at_chance: Number of these that the short training left at chance.
        rank_correlation: Rank correlation of one short training with the longer one, averaged
            over the seeds.
        rank_correlation_of_params: Rank correlation of the parameters with the longer training.
        seed_std: Standard deviation of one short training over its seed: of the residuals after
            subtracting the means of candidates and seeds.
        candidate_std: Standard deviation between candidates, without the variance between seeds.
        sampling_std: Standard deviation due to the number of held-out images.
        long_std: Standard deviation between candidates after the longer training.
    """

    candidates: int
    at_chance: int
    rank_correlation: RankCorrelation
    rank_correlation_of_params: RankCorrelation
    seed_std: float
    candidate_std: float
    sampling_std: float
    long_std: float

    @property
    def reliability(self) -> float:
        """Share of the variance of a short training that lies between candidates, in [0, 1]."""
        total = self.candidate_std**2 + self.seed_std**2
        return self.candidate_std**2 / total if total else 0.0

    @property
    def mostly_at_chance(self) -> bool:
        """Whether the short training leaves at least half of the candidates at chance."""
        return 2 * self.at_chance >= self.candidates

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready form, with the keys of ``proxy_check.json``."""
        values = dict(zip(_KEYS, asdict(self).values(), strict=True))
        return {**values, "steadiness": self.reliability}


# Keys in proxy_check.json, in the order of the attributes.
_KEYS = (
    *("candidates", "at_chance", "held", "by_params"),
    *("noise", "spread", "counting", "long_spread"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Conclusion from the statistics.

    Attributes:
        is_worthwhile: Whether a search with this short training is worthwhile; None if unknown.
        message: The conclusion as one sentence.
        suggestions: What would improve the short training, one sentence each.
    """

    is_worthwhile: bool | None
    message: str
    suggestions: tuple[str, ...] = ()


def proxy_statistics(finished: Sequence[Sequence[Outcome]]) -> ProxyStatistics | None:
    """Return the statistics, or None for fewer than `MIN_CANDIDATES` candidates.

    The variance between seeds is the mean square of the residuals of a two-way layout without
    replication (candidates x seeds): an effect of the seed on all candidates alike does not
    change their ranking.

    Args:
        finished: For each candidate the outcomes of its short trainings, with the same seeds for
            all, and last that of its longer training. All are COMPLETE.

    Raises:
        ValueError: If a candidate has fewer than two short trainings.
    """
    if len(finished) < MIN_CANDIDATES:
        return None
    accuracies = np.array([[one.training.accuracy for one in ends] for ends in finished])
    short, long = accuracies[:, :-1], accuracies[:, -1].tolist()
    first = [ends[0] for ends in finished]
    count, seeds = short.shape
    if seeds < 2:
        raise ValueError(f"proxy_statistics needs two short trainings of each, got {seeds}")
    residuals = short - short.mean(axis=1, keepdims=True) - short.mean(axis=0) + short.mean()
    seed_variance = float((residuals**2).sum()) / ((count - 1) * (seeds - 1))
    candidate_variance = float(short.mean(axis=1).var(ddof=1)) - seed_variance / seeds
    rhos = [spearman(column.tolist(), long).rho for column in short.T]
    known = [rho for rho in rhos if rho is not None]
    unknown = RankCorrelation(rho=None, low=-1.0, high=1.0, count=count)
    mean = float(short.mean())
    images = statistics.fmean(one.training.held_out_images for one in first)
    return ProxyStatistics(
        candidates=count,
        at_chance=sum(one.training.at_chance for one in first),
        rank_correlation=with_interval(statistics.fmean(known), count) if known else unknown,
        rank_correlation_of_params=spearman([one.costs.num_params for one in first], long),
        seed_std=math.sqrt(seed_variance),
        candidate_std=math.sqrt(max(0.0, candidate_variance)),
        sampling_std=math.sqrt(mean * (1 - mean) / images),
        long_std=statistics.stdev(long),
    )


def judge_proxy(found: ProxyStatistics | None) -> Verdict:
    """Return the conclusion from the statistics."""
    if found is None:
        message = f"cannot tell: fewer than {MIN_CANDIDATES} candidates were trained to the end"
        return Verdict(is_worthwhile=None, message=message)
    worth, message = _conclusion(found)
    suggestions = tuple(_suggestions(found, worth))
    return Verdict(is_worthwhile=worth, message=message, suggestions=suggestions)


def _conclusion(found: ProxyStatistics) -> tuple[bool | None, str]:
    rho, worthless = found.rank_correlation.rho or 0.0, "not worth it:"
    if found.mostly_at_chance:
        count = f"{found.at_chance} of {found.candidates} candidates"
        return False, f"{worthless} {count} do no better than guessing after the short training"
    if not found.rank_correlation.is_positive:
        if rho < MIN_RANK_CORRELATION:
            little = "the short training's ranking says little about the longer one's"
            return False, f"{worthless} {little}"
        luck = f"with {found.candidates} candidates that may be luck"
        return None, f"not proven: the rankings agree, but {luck}"
    if (found.rank_correlation_of_params.rho or 0.0) >= rho:
        alone = "parameters alone rank the candidates as well as the short training"
        return False, f"{worthless} {alone}"
    if rho < MIN_RANK_CORRELATION:
        some = "the short training's ranking says something about the longer one's, not much"
        return False, f"weak: {some}"
    return True, "worth it: the short training ranks candidates much as the longer one does"


def _suggestions(found: ProxyStatistics, is_worthwhile: bool | None) -> list[str]:
    """Return what would make the short training more informative, the most promising first."""
    if found.mostly_at_chance:
        return ["more epochs (--epochs), more images (--max-images) or another --learning-rate"]
    suggestions = []
    if is_worthwhile is None:
        suggestions.append(f"check more candidates: --proxy-check {2 * found.candidates}")
    if found.reliability < MIN_RELIABILITY:
        if found.sampling_std > found.seed_std / 2:
            suggestions.append(
                f"more held-out images (--holdout): their number alone makes "
                f"{100 * found.sampling_std:.2f} points of noise"
            )
        suggestions.append(
            "more epochs (--epochs), or fewer candidates and more seeds for the best of them "
            "(--budget, --finalists, --finalist-seeds): luck of the seed moves an accuracy by "
            f"{100 * found.seed_std:.2f} points, candidates differ by "
            f"{100 * found.candidate_std:.2f}"
        )
    elif is_worthwhile is not True:
        suggestions.append(
            "more epochs (--epochs) or larger images (--image-size): the short training is "
            "steady, but ranks otherwise than the longer one"
        )
    if found.long_std < min(found.seed_std, NEGLIGIBLE_SPREAD):
        suggestions.append(
            "another --space: after the longer training the candidates hardly differ in "
            "accuracy, so that step time and parameters decide alone"
        )
    return suggestions
