"""Charts of the course of a search: the best reward over candidates and over device time."""

from collections.abc import Sequence
from itertools import accumulate

from nas.analysis.ranking import at_highest_rung
from nas.candidate import Record
from nas.report.frame.chart import Axis, Line, Plot, Point, Points
from nas.report.search_page.candidate_facts import measured_facts
from nas.report.search_page.search_run import SearchRun


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
            name=f"{run.title_of_first}, its training in the search",
            points=tuple(one for one in points if one.number == number),
            color="two",
            shape="star",
        ),
    )
