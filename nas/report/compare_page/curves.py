"""Curves of several trainings over each other."""

from collections.abc import Sequence

from nas.report.compare_page.names import color_of, is_dashed
from nas.report.frame.chart import Axis, Line, Plot, Point, Points
from nas.report.training_page.curves import thinned
from nas.report.training_page.reading import TrainingRun

MAX_POINTS = 30  # of a curve that can be pointed at


def curve_plots(runs: Sequence[TrainingRun], names: Sequence[str]) -> tuple[Plot, ...]:
    """Return accuracy over epochs and over time, and loss over epochs; none without rows."""
    plots = (
        ("accuracy-epochs", "Accuracy over epochs", "epoch", "epoch", ("ema_top1", "top1")),
        ("accuracy-time", "Accuracy over training time", "train_seconds", "training time", ()),
        ("loss-epochs", "Loss over epochs", "epoch", "epoch", ("ema_loss", "loss")),
    )
    accuracy, loss = Axis(label="accuracy", unit="%"), Axis(label="cross-entropy")
    found = []
    for name, title, x_column, x_label, columns in plots:
        is_loss = name == "loss-epochs"
        series = _lines(runs, names, x_column, columns or ("ema_top1", "top1"), is_loss=is_loss)
        if series:
            unit = "s" if x_column == "train_seconds" else ""
            found.append(
                Plot(
                    name=name,
                    title=title,
                    x=Axis(label=x_label, unit=unit, low=0),
                    y=loss if is_loss else accuracy,
                    series=series,
                )
            )
    return tuple(found)


def _lines(
    runs: Sequence[TrainingRun],
    names: Sequence[str],
    x_column: str,
    columns: tuple[str, str],
    *,
    is_loss: bool,
) -> tuple[Line | Points, ...]:
    """Return a curve of each run: of the averaged weights if there are some, or of the others."""
    factor = 1.0 if is_loss else 100.0
    series: list[Line | Points] = []
    for index, (run, name) in enumerate(zip(runs, names, strict=True)):
        column = next((one for one in columns if any(one in row for row in run.rows)), None)
        rows = [row for row in run.rows if column in row and x_column in row]
        if column is None or not rows:
            continue
        xy = tuple((row[x_column], factor * row[column]) for row in rows)
        color, dashed = color_of(index), is_dashed(index)
        series.append(Line(name=name, xy=xy, color=color, is_dashed=dashed))
        points = tuple(
            Point(
                x=row[x_column],
                y=factor * row[column],
                label=name,
                facts=(("epoch", f"{row['epoch']:.4g}"), _fact(row[column], is_loss=is_loss)),
            )
            for row in thinned(rows, MAX_POINTS)
        )
        series.append(Points(name="", points=points, color=color))
    return tuple(series)


def _fact(value: float, *, is_loss: bool) -> tuple[str, str]:
    return ("loss", f"{value:.4g}") if is_loss else ("accuracy", f"{100 * value:.2f} %")
