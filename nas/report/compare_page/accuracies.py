"""Accuracies of trainings with their intervals, and a chart of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from nas.report.compare_page.names import COLORS, color_of
from nas.report.frame.chart import Axis, Plot, Point, Points
from nas.report.training_page.judged import SPLIT_WORDS
from nas.report.training_page.phases import accuracy_of
from nas.report.training_page.reading import TrainingRun
from trainer.evaluation.metrics import wilson_interval

SHAPES: tuple[Literal["circle", "square", "diamond"], ...] = ("circle", "square", "diamond")


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """An accuracy with its 95 % interval, in percent.

    Attributes:
        top1: The accuracy.
        low: Lower end of the interval.
        high: Upper end.
        images: The images that it is of, in words.
        image_size: Their side, pixels; None if it is not known.
    """

    top1: float
    low: float
    high: float
    images: str
    image_size: int | None


def accuracies(run: TrainingRun) -> tuple[Accuracy, ...]:
    """Return the accuracy of each evaluation; without any, that of the last one in training."""
    if run.evaluations:
        return tuple(
            Accuracy(
                top1=100 * record.result.top1,
                low=100 * record.result.top1_low,
                high=100 * record.result.top1_high,
                images=f"{record.num_images:,} {SPLIT_WORDS[split]}",
                image_size=record.image_size,
            )
            for split, record in run.evaluations.items()
        )
    source = run.summary or run.plan
    top1, number = accuracy_of(run.rows[-1]) if run.rows else None, source.get("num_evaluated")
    if top1 is None or not isinstance(number, int) or number < 1:
        return ()
    low, high = wilson_interval(round(top1 * number), number)
    words = SPLIT_WORDS.get(str(source.get("evaluated_on")), "images")
    return (
        Accuracy(
            top1=100 * top1,
            low=100 * low,
            high=100 * high,
            images=f"{number:,} {words}",
            image_size=None,
        ),
    )


def accuracies_plot(runs: Sequence[TrainingRun], names: Sequence[str]) -> Plot | None:
    """Return accuracies over training time, with whiskers; None without finished trainings."""
    series = []
    for index, (run, name) in enumerate(zip(runs, names, strict=True)):
        found = accuracies(run)[:1]  # the evaluation that says most about new images
        seconds = (run.summary or {}).get("train_seconds")
        if not found or not seconds:
            continue
        one = found[0]
        point = Point(
            x=float(seconds),
            y=one.top1,
            low=one.low,
            high=one.high,
            label=name,
            facts=(
                ("accuracy", f"{one.top1:.2f} %"),
                ("95 % interval", f"{one.low:.2f} to {one.high:.2f} %"),
                ("images", one.images),
            ),
        )
        shape = SHAPES[index // len(COLORS) % len(SHAPES)]
        series.append(Points(name=name, points=(point,), color=color_of(index), shape=shape))
    if not series:
        return None
    return Plot(
        name="accuracies",
        title="Accuracy with its 95 % interval, and training time",
        x=Axis(label="training time", unit="s", low=0),
        y=Axis(label="accuracy", unit="%"),
        series=tuple(series),
    )
