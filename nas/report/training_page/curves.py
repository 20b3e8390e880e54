"""Curves of a training over its epochs, with its phases as bands."""

from collections.abc import Callable, Mapping, Sequence

from nas.report.frame.chart import Axis, Band, Color, Facts, Line, Plot, Point, Points
from nas.report.training_page.phases import phase_bands, total_epochs
from nas.report.training_page.reading import TrainingRun

MAX_POINTS = 60  # that can be pointed at; lines have all numbers
Rows = Sequence[Mapping[str, float]]
Curve = tuple[str, str, Color, bool]  # column, name, colour, whether it is dashed


def course_charts(run: TrainingRun) -> tuple[Plot, ...]:
    """Return loss, accuracy, learning rate and speed over the epochs; none without evaluations."""
    if not run.rows:
        return ()
    rows, bands = run.rows, phase_bands(run)
    end = total_epochs(run)
    return tuple(
        plot
        for plot in (
            _plot(
                "accuracy",
                "Accuracy on images that are not trained on, and in training batches",
                Axis(label="accuracy", unit="%"),
                rows,
                (
                    ("train_top1", "training batches, augmented", "quiet", True),
                    ("top1", "weights of the last step", "two", False),
                    ("ema_top1", "averaged weights", "one", False),
                ),
                bands,
                end,
                factor=100,
            ),
            _plot(
                "loss",
                "Loss",
                Axis(label="cross-entropy"),
                rows,
                (
                    ("train_loss", "training batches, augmented", "quiet", True),
                    ("loss", "weights of the last step", "two", False),
                    ("ema_loss", "averaged weights", "one", False),
                ),
                bands,
                end,
            ),
            _plot(
                "learning-rate",
                "Learning rate",
                Axis(label="learning rate", low=0),
                rows,
                (("learning_rate", "", "ink", False),),
                bands,
                end,
            ),
            _plot(
                "speed",
                "Speed: larger images take longer",
                Axis(label="images per second", low=0),
                rows,
                (("images_per_sec", "", "ink", False),),
                bands,
                end,
            ),
        )
        if plot is not None
    )


def _plot(
    name: str,
    title: str,
    y: Axis,
    rows: Rows,
    curves: Sequence[Curve],
    bands: tuple[Band, ...],
    end: float | None,
    *,
    factor: float = 1.0,
) -> Plot | None:
    """Return a plot of some columns over the epochs; None if no row has any of them."""
    lines = [line for curve in curves if (line := _line(rows, curve, factor)) is not None]
    if not lines:
        return None
    column, _, color, _ = [one for one in curves if any(one[0] in row for row in rows)][-1]
    points = Points(
        name="",
        color=color,
        points=tuple(
            Point(
                x=row["epoch"],
                y=factor * row[column],
                label=f"epoch {row['epoch']:.4g}, step {row['step']:,.0f}",
                facts=_facts(row),
            )
            for row in thinned([row for row in rows if column in row])
        ),
    )
    x = Axis(label="epoch", low=0, high=end)
    return Plot(name=name, title=title, x=x, y=y, series=(*bands, *lines, points))


def _line(rows: Rows, curve: Curve, factor: float) -> Line | None:
    column, name, color, is_dashed = curve
    xy = tuple((row["epoch"], factor * row[column]) for row in rows if column in row)
    return Line(name=name, xy=xy, color=color, is_dashed=is_dashed) if xy else None


def thinned(rows: Rows, most: int = MAX_POINTS) -> Rows:
    """Return at most `most` rows in equal distances; the first and the last are among them."""
    if len(rows) <= most:
        return rows
    gap = (len(rows) - 1) / (most - 1)
    return [rows[round(index * gap)] for index in range(most)]


def _facts(row: Mapping[str, float]) -> Facts:
    percent: Callable[[float], str] = lambda value: f"{100 * value:.2f} %"  # noqa: E731
    number: Callable[[float], str] = lambda value: f"{value:.4g}"  # noqa: E731
    shown = (
        ("ema_top1", "accuracy, averaged weights", percent),
        ("top1", "accuracy, last step", percent),
        ("train_loss", "training loss", number),
        ("ema_loss", "loss, averaged weights", number),
        ("image_size", "image size, px", number),
        ("learning_rate", "learning rate", number),
        ("images_per_sec", "images per second", number),
    )
    return tuple((name, text(row[key])) for key, name, text in shown if key in row)
