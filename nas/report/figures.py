"""Figure of a search: accuracy against step time, and reward against candidates."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from nas.analysis.ranking import at_highest_rung, best_record, pareto_front
from nas.candidate import Record
from search_space.figure import new_figure

if TYPE_CHECKING:  # matplotlib is imported only by a process that draws
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST_AREA = 220.0  # of a circle, squared typographic points
BELOW = (0.5, -0.16)  # the legend's place, in parts of the axes
INK, FAINT, BEST, FRONT = "#22303c", "#c9d1d9", "#d1495b", "#2f6690"


def search_figure(
    records: Sequence[Record], title: str, *, winner: Record | None = None
) -> "Figure":
    """Draw accuracy against step time, and reward against candidates, side by side.

    Only candidates of the highest rung are drawn, with the measurements of the search. The star
    is the winner's own training in the search, and the diamond has the accuracy and the step time
    of `winner`, which are those of its further trainings if there were any. Without `winner`, the
    candidate with the highest reward is marked.

    Raises:
        ValueError: If there is no candidate to mark.
    """
    trained = sorted(at_highest_rung(records), key=lambda record: record.candidate.number)
    number = winner.candidate.number if winner else None
    best = next((r for r in trained if r.candidate.number == number), best_record(trained))
    if best is None:
        raise ValueError("search_figure needs at least one trained candidate, got none")
    figure = new_figure(title, width=10, height=4, dpi=150, color=INK)
    left, right = figure.subplots(1, 2)
    _draw_trade_off(left, trained, best)
    if winner is not None and _trade_off(winner) != _trade_off(best):
        _draw_mean(left, winner, best)
    _draw_progress(right, trained, best)
    return figure


def _draw_trade_off(axes: "Axes", trained: Sequence[Record], best: Record) -> None:
    from matplotlib.ticker import FuncFormatter

    sizes = np.array([record.outcome.costs.num_params for record in trained])
    front = sorted(map(_trade_off, pareto_front(trained, with_params=False)))
    axes.step(
        *zip(*front, strict=True),
        where="post",
        color=FRONT,
        label="best accuracy for its step time",
    )
    axes.axvline(1, color=FAINT, linestyle=":", zorder=1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.set_xlabel("training step time / reference network's")
    axes.set_ylabel("held-out accuracy, %")
    largest = f"{sizes.max() / 1e6:.2f} M" if sizes.max() >= 1e5 else f"{sizes.max() / 1e3:.0f} k"
    axes.set_title(f"area: parameters, largest {largest}", fontsize=8, color=INK, loc="left")
    label = f"winner (candidate {best.candidate.number}), its training in the search"
    areas = LARGEST_AREA * sizes / sizes.max()
    _draw_points(axes, list(map(_trade_off, trained)), _trade_off(best), area=areas, label=label)


def _draw_mean(axes: "Axes", winner: Record, best: Record) -> None:
    """Draw the mean of the winner's further trainings, joined with its training in the search."""
    before, mean = _trade_off(best), _trade_off(winner)
    axes.plot(*zip(before, mean, strict=True), color=BEST, linestyle="--", linewidth=1, zorder=3)
    axes.plot(*mean, "D", color=BEST, markersize=6, label="winner, mean of its further trainings")
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=BELOW, ncols=1)


def _draw_progress(axes: "Axes", trained: Sequence[Record], best: Record) -> None:
    from matplotlib.ticker import MaxNLocator

    points = [(record.candidate.number, record.outcome.reward) for record in trained]
    numbers, rewards = zip(*points, strict=True)
    highest = np.maximum.accumulate(rewards)
    axes.step(numbers, highest, where="post", color=FRONT, label="best so far")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("candidate")
    axes.set_ylabel("reward")
    _draw_points(axes, points, (best.candidate.number, best.outcome.reward))


def _draw_points(
    axes: "Axes",
    points: Sequence[tuple[float, float]],
    best: tuple[float, float],
    *,
    area: float | npt.NDArray[np.float64] = 24,
    label: str | None = None,
) -> None:
    """Draw a circle at each point, a star at the best, and the legend below, off the points.

    `area` is that of the circles in squared typographic points, one or one each; `label` is the
    star's.
    """
    x, y = zip(*points, strict=True)
    axes.scatter(x, y, s=area, c=FAINT, edgecolors=INK, linewidths=0.6, zorder=2)
    axes.scatter(*best, marker="*", s=260, c=BEST, edgecolors="white", zorder=4, label=label)
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=BELOW, ncols=1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK)


def _trade_off(record: Record) -> tuple[float, float]:
    """Return a candidate's relative step time and its accuracy in percent."""
    return record.outcome.costs.relative_step_time, 100 * record.outcome.training.accuracy
