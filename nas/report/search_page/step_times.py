"""Step times of a search: their spread, and predicted against measured ones."""

from nas.candidate import Record
from nas.report.frame.chart import Axis, Line, Plot, Point, Points
from nas.report.search_page.candidate_facts import step_time_of
from nas.report.search_page.search_run import SearchRun
from nas.report.tables import milliseconds


def spread_plot(run: SearchRun) -> Plot | None:
    """Return the spread of each candidate's timed blocks; None if no candidate was timed."""
    timed = _timed(run)
    if not timed:
        return None
    limit = 100 * run.files.config.proxy.timing.max_spread
    wide = [one for one in timed if one.outcome.costs.timing.wide_spread]
    narrow = [one for one in timed if not one.outcome.costs.timing.wide_spread]
    last = max(float(one.candidate.number) for one in timed)
    series = (
        Line(name="accepted spread", xy=((0.0, limit), (last, limit)), is_dashed=True),
        Points(name="candidate", points=tuple(map(_spread_point, narrow))),
        Points(
            name="above it, of the candidate or of the reference network",
            points=tuple(map(_spread_point, wide)),
            color="two",
            shape="square",
        ),
    )
    return Plot(
        name="step-time-spread",
        title="Spread of the measured step time",
        x=Axis(label="candidate", is_whole=True),
        y=Axis(label="interquartile range / median", unit="%", low=0.0),
        series=tuple(one for one in series if not isinstance(one, Points) or one.points),
    )


def prediction_plot(run: SearchRun) -> Plot | None:
    """Return predicted against measured step times; None if none were predicted."""
    points = tuple(
        Point(
            x=step_time_of(record),
            y=predicted,
            label=f"candidate {record.candidate.number}",
            facts=(
                ("measured", f"{step_time_of(record):.3f}x"),
                ("predicted", f"{predicted:.3f}x"),
                ("error", f"{100 * (predicted / step_time_of(record) - 1):+.1f} %"),
            ),
            number=record.candidate.number,
        )
        for record in _timed(run)
        if (predicted := record.outcome.metrics.predicted_relative_step_time) is not None
    )
    if not points:
        return None
    numbers = [number for point in points for number in (point.x, point.y)]
    ends = (min(numbers), max(numbers))
    axis = "step time / reference network's"
    return Plot(
        name="step-time-predicted",
        title="Predicted against measured step time",
        x=Axis(label=f"measured {axis}", unit="x"),
        y=Axis(label=f"predicted {axis}", unit="x"),
        series=(
            Line(name="prediction is right", xy=tuple((end, end) for end in ends), is_dashed=True),
            Points(name="candidate", points=points),
        ),
    )


def _timed(run: SearchRun) -> list[Record]:
    return [record for record in run.records if record.outcome.metrics.costs]


def _spread_point(record: Record) -> Point:
    timing = record.outcome.costs.timing
    return Point(
        x=float(record.candidate.number),
        y=100 * timing.spread,
        label=f"candidate {record.candidate.number}",
        facts=(
            ("spread", f"{100 * timing.spread:.1f} %"),
            ("step time", milliseconds(timing.step_time_s)),
            ("timed blocks", str(timing.repeats)),
            ("attempts", str(timing.attempts)),
            ("disturbed by another process", "yes" if timing.contaminated else "no"),
        ),
        number=record.candidate.number,
    )
