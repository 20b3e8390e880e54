"""Charts of a search: accuracy against costs, and the best reward over its course."""

from collections.abc import Callable, Sequence
from itertools import accumulate

from nas.analysis.ranking import at_highest_rung, contenders
from nas.candidate import Record
from nas.finalists.finalists import Finalist
from nas.report.frame.chart import Axis, Facts, Line, Plot, Point, Points, Rule
from nas.report.search_page.plain_names import stage_words
from nas.report.search_page.search_run import SearchRun
from nas.report.tables import count, milliseconds, percent

Cost = Callable[[Record], float]
_ACCURACY = Axis(label="accuracy on held-out images", unit="%")


def step_time_of(record: Record) -> float:
    """Return the step time / the reference network's."""
    return record.outcome.costs.relative_step_time


def params_of(record: Record) -> float:
    """Return the number of parameters."""
    return float(record.outcome.costs.num_params)


def accuracy_of(record: Record) -> float:
    """Return the accuracy in percent."""
    return 100 * record.outcome.training.accuracy


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


def rewards_plot(run: SearchRun) -> Plot:
    """Return the rewards, and the best so far, over the candidates."""
    trained = sorted(at_highest_rung(run.records), key=lambda one: one.candidate.number)
    xs = [float(record.candidate.number) for record in trained]
    return Plot(
        name="reward-candidates",
        title="Best reward over candidates",
        x=Axis(label="candidate", is_whole=True),
        y=Axis(label="reward"),
        series=_progress(run, trained, xs),
    )


def device_time_plot(run: SearchRun) -> Plot | None:
    """Return the rewards over the device time that was spent until then; None if unknown."""
    ordered = sorted(run.records, key=lambda one: (one.time, one.candidate.number))
    spent = [record.outcome.metrics.device_seconds for record in ordered]
    totals = list(accumulate(one.total if one else 0.0 for one in spent))
    if not totals or totals[-1] == 0:
        return None
    highest = {record.candidate.number for record in at_highest_rung(run.records)}
    pairs = [
        (record, total)
        for record, total in zip(ordered, totals, strict=True)
        if record.candidate.number in highest
    ]
    unit, size = ("hours", 3600.0) if totals[-1] >= 7200 else ("seconds", 1.0)
    return Plot(
        name="reward-device-time",
        title="Best reward over device time",
        x=Axis(label=f"device-{unit} of all candidates until then", low=0.0),
        y=Axis(label="reward"),
        series=_progress(run, [one for one, _ in pairs], [total / size for _, total in pairs]),
    )


def measured_facts(record: Record) -> Facts:
    """Return the measurements of a trained candidate."""
    outcome = record.outcome
    costs = outcome.costs
    return (
        ("reward", f"{outcome.reward:.4f}"),
        ("accuracy", percent(outcome.training.accuracy)),
        ("step time", f"{milliseconds(costs.step_time_s)}, {costs.relative_step_time:.2f}x"),
        ("parameters", f"{count(costs.num_params)}, {costs.relative_params:.2f}x"),
    )


def facts_of(run: SearchRun, record: Record) -> Facts:
    """Return what is said about a trained candidate: measurements, and its stages."""
    stages = run.space.architecture(record.candidate.choices).stages
    return (
        *measured_facts(record),
        *((f"stage {n}", stage_words(stage)) for n, stage in enumerate(stages, start=1)),
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
    best = run.winner_in_search
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
            name="winner, its training in the search",
            points=points(leader, "winner: candidate {}, its training in the search"),
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
        label=f"candidate {number}, mean of {trained} further trainings",
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


def _progress(
    run: SearchRun, trained: Sequence[Record], xs: Sequence[float]
) -> tuple[Line | Points, ...]:
    """Return the best reward so far and the reward of each candidate, at their x positions."""
    rewards = [record.outcome.reward for record in trained]
    able = [(x, one.outcome.reward) for x, one in zip(xs, trained, strict=True) if one.can_win]
    highest = accumulate((reward for _, reward in able), max)
    best = run.winner_in_search
    number = best.candidate.number if best else None
    points = [
        Point(
            x=x,
            y=reward,
            label=f"candidate {record.candidate.number}",
            facts=measured_facts(record),
            number=record.candidate.number,
        )
        for x, reward, record in zip(xs, rewards, trained, strict=True)
    ]
    return (
        Line(
            name="best so far",
            xy=tuple(zip((x for x, _ in able), highest, strict=True)),
            is_step=True,
        ),
        Points(name="candidate", points=tuple(one for one in points if one.number != number)),
        Points(
            name="winner, its training in the search",
            points=tuple(one for one in points if one.number == number),
            color="two",
            shape="star",
        ),
    )
