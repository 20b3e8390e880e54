"""Charts of a report page as values; ``charts.js`` draws them in the browser.

A chart is a plot (points, lines and bands over two axes) or rows (bars and stretches of time).
Colours are roles of the page's colour scheme: ``quiet``, ``ink``, and ``one`` to ``six``, which
differ also for readers who are colour-blind (Okabe and Ito, "Color Universal Design", 2008).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nas.report.frame.table import require_name

Color = Literal["quiet", "ink", "one", "two", "three", "four", "five", "six"]
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """An axis with its label.

    Attributes:
        label: What the numbers are.
        unit: Their unit, shown after the label; ``%``, ``x`` and ``s`` also at the ticks.
        is_log: Whether the axis is logarithmic; all numbers must be > 0.
        is_whole: Whether only whole numbers have a tick.
        low: Lowest number of the axis; None takes it from the data.
        high: Highest number of the axis; None takes it from the data.
    """

    label: str
    unit: str = ""
    is_log: bool = False
    is_whole: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A point with what is said about it when it is pointed at or focused.

    Attributes:
        x: Position on the x axis.
        y: Position on the y axis.
        label: Heading of the note.
        facts: Lines of the note: name and value.
        area: Number that the circle's area is proportional to, >= 0; None for a small circle.
        low: Lower end of a whisker; None without.
        high: Upper end of the whisker.
        number: Identifies the point for other scripts of the page.
    """

    x: float
    y: float
    label: str
    facts: Facts = ()
    area: float | None = None
    low: float | None = None
    high: float | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Points that belong together, with one entry of the legend; no entry if `name` is empty."""

    name: str
    points: tuple[Point, ...]
    color: Color = "quiet"
    shape: Literal["circle", "star", "diamond", "square"] = "circle"
    kind: Literal["points"] = field(default="points", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line through (x, y) pairs; with `is_step` it is level until the next x."""

    name: str
    xy: tuple[tuple[float, float], ...]
    color: Color = "one"
    is_step: bool = False
    is_dashed: bool = False
    kind: Literal["line"] = field(default="line", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A thin line across the plot at a number of the x or y axis, with a label."""

    label: str
    x: float | None = None
    y: float | None = None
    kind: Literal["rule"] = field(default="rule", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A shaded stretch of the x axis with a label, such as a phase of a training."""

    label: str
    start: float
    end: float
    facts: Facts = ()
    kind: Literal["band"] = field(default="band", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot over two axes.

    Attributes:
        name: Identifies it on the page: letters, digits and hyphens.
        title: What it shows, in one line; also read to those who do not see it.
        x: The x axis.
        y: The y axis.
        series: What is drawn, from back to front.
        area: What the areas of circles are, with the unit, for the legend; empty without areas.
    """

    name: str
    title: str
    x: Axis
    y: Axis
    series: tuple[Points | Line | Rule | Band, ...]
    area: str = ""
    kind: Literal["plot"] = field(default="plot", init=False)

    def __post_init__(self) -> None:
        require_name("Plot.name", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A bar from `start` to `end` on the x axis, with what is said about it."""

    start: float
    end: float
    label: str
    facts: Facts = ()
    color: Color = "one"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRow:
    """A row with its label and its bars."""

    label: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of bars over one axis: bars from 0, or stretches of time.

    Attributes:
        name: Identifies it on the page: letters, digits and hyphens.
        title: What it shows, in one line; also read to those who do not see it.
        x: The axis.
        rows: The rows, from top to bottom.
        legend: Colour -> what it stands for.
    """

    name: str
    title: str
    x: Axis
    rows: tuple[ChartRow, ...]
    legend: tuple[tuple[Color, str], ...] = ()
    kind: Literal["rows"] = field(default="rows", init=False)

    def __post_init__(self) -> None:
        require_name("Rows.name", self.name)


Chart = Plot | Rows


def bars(
    values: Sequence[tuple[str, float, Facts]], *, color: Color = "one"
) -> tuple[ChartRow, ...]:
    """Return one row with one bar from 0 for each (label, value, facts)."""
    return tuple(
        ChartRow(
            label=label,
            spans=(
                Span(
                    start=min(value, 0.0),
                    end=max(value, 0.0),
                    label=label,
                    facts=facts,
                    color=color,
                ),
            ),
        )
        for label, value, facts in values
    )


def chart_data(chart: Chart) -> dict[str, Any]:
    """Return the JSON-ready form of a chart, which ``charts.js`` reads."""
    return asdict(chart)
