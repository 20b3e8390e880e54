"""Whether the short training ranks candidates as a longer one does, in figures and words."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nas.analysis.rank_correlation import RankCorrelation, spearman, with_interval

GOOD = 0.5  # rank correlation from which on the short training is worth its time
STEADY = 0.7  # share of the variance that lies between candidates, from which noise is no worry
ALIKE = 0.02  # a spread of accuracy below which step time and parameters weigh as much
LEAST = 4  # candidates without which nothing can be said


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One candidate, trained briefly with some seeds and once for longer.

    Attributes:
        num_params: Its parameters.
        short: Accuracy of each short training, in [0, 1]; the seeds are those of all candidates.
        long: Accuracy of the longer training.
        at_chance: Whether guessing explains the first short training's accuracy.
        held_out_images: Images that each accuracy was measured on.
    """

    num_params: int
    short: tuple[float, ...]
    long: float
    at_chance: bool
    held_out_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyFigures:
    """What the trainings of a check say.

    Attributes:
        candidates: Candidates with all their trainings.
        at_chance: Those of them that the short training did not lift above guessing.
        held: Rank correlation of one short training with the longer one, mean over the seeds.
        by_params: Rank correlation of parameters alone with the longer training.
        noise: Standard deviation of one short training's accuracy by its seed: of what is left
            when candidates and seeds have had their means.
        spread: Standard deviation of accuracy between candidates, noise taken out.
        counting: Standard deviation that so few held-out images alone would give.
        long_spread: Standard deviation between candidates after the longer training.
    """

    candidates: int
    at_chance: int
    held: RankCorrelation
    by_params: RankCorrelation
    noise: float
    spread: float
    counting: float
    long_spread: float

    @property
    def steadiness(self) -> float:
        """Share of a short accuracy's variance that lies between candidates, in [0, 1]."""
        whole = self.spread**2 + self.noise**2
        return self.spread**2 / whole if whole else 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**asdict(self), "steadiness": self.steadiness}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to make of the figures.

    Attributes:
        worth_it: Whether the search may go ahead with this proxy; None where nobody can tell.
        says: One sentence.
        mends: What would make it better, one sentence each.
    """

    worth_it: bool | None
    says: str
    mends: tuple[str, ...]


def proxy_figures(checked: Sequence[Checked]) -> ProxyFigures | None:
    """Return the figures, or None of fewer than `LEAST` candidates.

    The noise is the root mean square of the residuals of a two-way layout without repeats
    (candidates x seeds): what moves all candidates alike does not change their ranking.

    Raises:
        ValueError: If a candidate has fewer than two short trainings.
    """
    if len(checked) < LEAST:
        return None
    short = np.array([one.short for one in checked])
    count, seeds = short.shape
    if seeds < 2:
        raise ValueError(f"proxy_figures needs two short trainings of each, got {seeds}")
    long = [one.long for one in checked]
    left = short - short.mean(axis=1, keepdims=True) - short.mean(axis=0) + short.mean()
    noise_variance = float((left**2).sum()) / ((count - 1) * (seeds - 1))
    between = float(short.mean(axis=1).var(ddof=1)) - noise_variance / seeds
    rhos = [spearman(list(column), long).rho for column in short.T]
    known = [rho for rho in rhos if rho is not None]
    unknown = RankCorrelation(rho=None, low=-1.0, high=1.0, count=count)
    mean = float(short.mean())
    images = statistics.fmean(one.held_out_images for one in checked)
    return ProxyFigures(
        candidates=count,
        at_chance=sum(one.at_chance for one in checked),
        held=with_interval(statistics.fmean(known), count) if known else unknown,
        by_params=spearman([one.num_params for one in checked], long),
        noise=math.sqrt(noise_variance),
        spread=math.sqrt(max(0.0, between)),
        counting=math.sqrt(mean * (1 - mean) / images),
        long_spread=statistics.stdev(long),
    )


def judge_proxy(figures: ProxyFigures | None) -> Verdict:
    """Return what to make of the figures, in plain words."""
    if figures is None:
        says = f"cannot tell: fewer than {LEAST} candidates were trained to the end"
        return Verdict(worth_it=None, says=says, mends=())
    held, params = figures.held.rho or 0.0, figures.by_params.rho or 0.0
    if 2 * figures.at_chance >= figures.candidates:
        says = (
            f"not worth it: {figures.at_chance} of {figures.candidates} candidates do no better "
            "than guessing after the short training"
        )
        worth_it: bool | None = False
    elif not figures.held.is_positive and held >= GOOD:
        says = (
            "not proven: the rankings agree, but with "
            f"{figures.candidates} candidates that may be luck"
        )
        worth_it = None
    elif not figures.held.is_positive:
        says = "not worth it: the short training's ranking says little about the longer one's"
        worth_it = False
    elif params >= held:
        says = "not worth it: parameters alone rank the candidates as well as the short training"
        worth_it = False
    elif held < GOOD:
        says = "weak: the short training's ranking says something about the longer one's, not much"
        worth_it = False
    else:
        says = "worth it: the short training ranks candidates much as the longer one does"
        worth_it = True
    return Verdict(worth_it=worth_it, says=says, mends=tuple(_mends(figures, worth_it)))


def _mends(figures: ProxyFigures, worth_it: bool | None) -> list[str]:
    """Return what would make the short training tell more, the likeliest help first."""
    mends = []
    if 2 * figures.at_chance >= figures.candidates:
        return ["more epochs (--epochs), more images (--max-images) or another --learning-rate"]
    if worth_it is None:
        mends.append(f"check more candidates: --proxy-check {2 * figures.candidates}")
    if figures.steadiness < STEADY:
        if figures.counting > figures.noise / 2:
            mends.append(
                f"more held-out images (proxy.holdout in --config): their number alone makes "
                f"{100 * figures.counting:.2f} points of noise"
            )
        mends.append(
            "more epochs (--epochs), or fewer candidates and more seeds for the best of them "
            "(--budget, --finalists, --finalist-seeds): luck of the seed moves an accuracy by "
            f"{100 * figures.noise:.2f} points, candidates differ by {100 * figures.spread:.2f}"
        )
    elif worth_it is not True:
        mends.append(
            "more epochs (--epochs) or larger images (--image-size): the short training is "
            "steady, but ranks otherwise than the longer one"
        )
    if figures.long_spread < min(figures.noise, ALIKE):
        mends.append(
            "another --space: after the longer training the candidates hardly differ in "
            "accuracy, so that step time and parameters decide alone"
        )
    return mends
