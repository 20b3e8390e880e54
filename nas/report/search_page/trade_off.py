"""Charts of accuracy against step time and against parameters."""

from collections.abc import Callable, Sequence

from nas.analysis.ranking import at_highest_rung, contenders
from nas.candidate import Record
from nas.finalists.finalists import Finalist
from nas.report.frame.chart import Axis, Line, Plot, Point, Points, Rule
from nas.report.search_page.candidate_facts import (
    accuracy_of,
    facts_of,
    params_of,
    step_time_of,
)
from nas.report.search_page.search_run import SearchRun
from nas.report.tables import milliseconds, percent
from search_space.counted import counted

Cost = Callable[[Record], float]
_ACCURACY = Axis(label="accuracy on held-out images", unit="%")


def step_time_plot(run: SearchRun) -> Plot:
    """Return accuracy against step time; areas of circles are parameters."""
    axis = Axis(label="training step time / reference network's", unit="x")
    rule = Rule(label="reference network", x=1.0)
    return Plot(
        name="accuracy-step-time",
        title="Accuracy against training step time",
        x=axis,
        y=_ACCURACY,
        series=(rule, *_trade_off(run, step_time_of, "best accuracy for its step time")),
        area="parameters",
    )


def params_plot(run: SearchRun) -> Plot:
    """Return accuracy against the number of parameters."""
    axis = Axis(label="parameters (logarithmic)", is_log=True)
    return Plot(
        name="accuracy-parameters",
        title="Accuracy against parameters",
        x=axis,
        y=_ACCURACY,
        series=_trade_off(run, params_of, "best accuracy for its parameters", with_area=False),
    )


def cheapest_first_front(records: Sequence[Record], cost: Cost) -> list[tuple[float, float]]:
    """Return (cost, accuracy) of the candidates that are more accurate than all cheaper ones."""
    front: list[tuple[float, float]] = []
    for record in sorted(records, key=lambda one: (cost(one), -accuracy_of(one))):
        if not front or accuracy_of(record) > front[-1][1]:
            front.append((cost(record), accuracy_of(record)))
    return front


def _trade_off(
    run: SearchRun, cost: Cost, front_name: str, *, with_area: bool = True
) -> tuple[Line | Points, ...]:
    trained = at_highest_rung(run.records)
    best, first = run.winner_in_search, run.title_of_first
    number = best.candidate.number if best else None
    able = [record for record in trained if record.can_win and record.candidate.number != number]
    at_chance = [record for record in trained if not record.can_win]
    leader = [record for record in trained if record.candidate.number == number]

    def points(records: Sequence[Record], label: str) -> tuple[Point, ...]:
        return tuple(
            Point(
                x=cost(record),
                y=accuracy_of(record),
                label=label.format(record.candidate.number),
                facts=facts_of(run, record),
                area=params_of(record) if with_area else None,
                number=record.candidate.number,
            )
            for record in records
        )

    front = cheapest_first_front(contenders(run.records), cost)
    drawn = (
        Line(name=front_name, xy=tuple(front), is_step=True),
        Points(name="candidate", points=points(able, "candidate {}")),
        Points(
            name="candidate at chance",
            points=points(at_chance, "candidate {}, at chance"),
            color="six",
        ),
        *_finalist_series(run, cost),
        Points(
            name=f"{first}, its training in the search",
            points=points(
                leader, run.title_of_first + ": candidate {}, its training in the search"
            ),
            color="two",
            shape="star",
        ),
    )
    return tuple(one for one in drawn if not isinstance(one, Points) or one.points)


def _finalist_series(run: SearchRun, cost: Cost) -> tuple[Line | Points, ...]:
    """Return the means of further trainings; a line joins the winner's training and its mean."""
    if run.finals is None:
        return ()
    able = [one for one in run.finals.finalists if one.trained]
    first = run.finals.winner
    others = tuple(_finalist_point(one, cost) for one in able if one is not first)
    series: list[Line | Points] = [
        Points(
            name="finalist, mean and range of its further trainings",
            points=others,
            color="four",
            shape="diamond",
        )
    ]
    if first is not None:
        mean = _finalist_point(first, cost)
        before = (cost(first.record), accuracy_of(first.record))
        series += [
            Line(name="", xy=(before, (mean.x, mean.y)), color="two", is_dashed=True),
            Points(
                name="winner, mean and range of its further trainings",
                points=(mean,),
                color="two",
                shape="diamond",
            ),
        ]
    return tuple(series)


def _finalist_point(one: Finalist, cost: Cost) -> Point:
    mean = one.with_retrained_metrics
    number, trained = one.record.candidate.number, len(one.trained)
    low, high = 100 * min(one.accuracies), 100 * max(one.accuracies)
    return Point(
        x=cost(mean),
        y=accuracy_of(mean),
        label=f"candidate {number}, mean of {counted(trained, 'further training')}",
        facts=(
            ("reward", f"{one.reward:.4f}"),
            ("mean accuracy", percent(mean.outcome.training.accuracy)),
            ("range", f"{low:.2f} to {high:.2f} %"),
            ("accuracy in the search", percent(one.record.outcome.training.accuracy)),
            ("median step time", milliseconds(mean.outcome.costs.step_time_s)),
        ),
        low=low,
        high=high,
        number=number,
    )
