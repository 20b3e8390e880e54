"""Evaluations of a final model as tables and charts of the page."""

from dataclasses import dataclass
from pathlib import Path

from nas.report.frame.chart import Axis, Line, Plot, Point, Points
from nas.report.frame.table import Cell, Column, Row, Table
from nas.report.gallery import (
    MAX_OF_GALLERY,
    MAX_PICTURES,
    Shown,
    confident_mistakes,
    mistake_gallery,
)
from nas.report.thumbnails import open_pictures
from nas.report.training_page.confusion import HeatMap, heat_map
from nas.report.training_page.reading import TrainingRun
from trainer.evaluation.files import EVALUATION, read_predictions
from trainer.evaluation.metrics import worst_pairs
from trainer.evaluation.record import EvaluationRecord, SplitName

MAX_PAIRS = 200
MAX_CLASS_ROWS = 1000
SPLIT_WORDS = {
    "test": "test images",
    "validation": "validation images",
    "holdout": "held-out training images",
    "train": "training images",
}
# Columns of measured latencies -> name and unit; other facts of a size stay in the files.
_MS = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One evaluation, ready for the page.

    Attributes:
        split: Name of the split.
        words: The images of the split in plain words.
        record: The evaluation.
        heat: The heat map of the confusion matrix; None without a matrix.
        pairs: The worst pairs; None without a matrix.
        classes: The table of the classes.
        reliability: The reliability diagram.
        mistakes: The gallery of confident mistakes.
        num_wrong: Number of images with a wrong prediction; None if they are not on file.
        gallery_note: Why there are no pictures; empty if there are.
    """

    split: SplitName
    words: str
    record: EvaluationRecord
    heat: HeatMap | None
    pairs: Table | None
    classes: Table
    reliability: Plot
    mistakes: tuple[Shown, ...]
    num_wrong: int | None
    gallery_note: str


def judge(run: TrainingRun) -> tuple[Judged, ...]:
    """Return every evaluation of a training's final model.

    The thumbnails of all of them together are at most `MAX_PICTURES`.

    Raises:
        ValueError: If a file of predictions is damaged; names the file.
        OSError: If it cannot be read.
    """
    most = min(MAX_OF_GALLERY, MAX_PICTURES // max(1, len(run.evaluations)))
    return tuple(
        _judged(run.folder / EVALUATION, split, record, most)
        for split, record in run.evaluations.items()
    )


def _judged(folder: Path, split: SplitName, record: EvaluationRecord, most: int) -> Judged:
    pictures = open_pictures(Path(record.cache), content=record.content)
    note, num_wrong = pictures.reason, None
    mistakes: tuple[Shown, ...] = ()
    try:
        predictions = read_predictions(folder, split)
    except FileNotFoundError:
        note = f"The file of the predictions, {split}-predictions.csv, is gone."
    else:
        num_wrong = sum(not one.correct for one in predictions)
        mistakes = mistake_gallery(confident_mistakes(predictions, count=most), pictures, split)
    matrix, names = record.confusion, record.class_names
    return Judged(
        split=split,
        words=SPLIT_WORDS[split],
        record=record,
        heat=None if matrix is None else heat_map(matrix, names),
        pairs=None if matrix is None else pair_table(record),
        classes=class_table(record),
        reliability=reliability_chart(record),
        mistakes=mistakes,
        num_wrong=num_wrong,
        gallery_note=note,
    )


def evaluation_table(run: TrainingRun) -> Table:
    """Return one row for each evaluation and image size: accuracy with its interval, loss."""
    latencies = _latency_columns(run)
    # Of five classes, the right one is always among the five best.
    has_top5 = any(len(record.class_names) > 5 for record in run.evaluations.values())
    rows = [
        Row(
            (
                SPLIT_WORDS[split],
                record.num_images,
                one.image_size,
                100 * one.top1,
                100 * one.top1_low,
                100 * one.top1_high,
                *((100 * one.top5,) if has_top5 else ()),
                one.loss,
                100 * one.calibration_error,
                *(_milliseconds(one.latency.get(name)) for name in latencies),
                record.weights,
                record.device,
                record.date,
            ),
            "best" if one.image_size == record.image_size and index == 0 else "",
        )
        for index, (split, record) in enumerate(run.evaluations.items())
        for one in sorted(record.sizes, key=lambda size: size.image_size)
    ]
    return Table(
        name="evaluations",
        caption="Evaluations of the final model, at one or several image sizes",
        columns=(
            Column(head="images"),
            Column(head="number"),
            Column(head="image size", unit="px"),
            Column(head="accuracy", unit="%", digits=2),
            Column(head="from", unit="%", digits=2),
            Column(head="to", unit="%", digits=2),
            *((Column(head="top-5", unit="%", digits=2),) if has_top5 else ()),
            Column(head="loss", digits=4),
            Column(head="calibration error", unit="%", digits=2),
            *(
                Column(head=_plain(name), unit="ms", digits=2, is_main=name.endswith("_p50_s"))
                for name in latencies
            ),
            Column(head="weights", is_main=False),
            Column(head="device", is_main=False),
            Column(head="date", is_main=False),
        ),
        rows=tuple(rows),
    )


def class_table(record: EvaluationRecord) -> Table:
    """Return precision, recall and F1 of every class, the lowest F1 first."""
    classes = sorted(record.per_class, key=lambda one: (one.f1 is None, one.f1 or 0.0))
    return Table(
        name=f"classes-{record.split}",
        caption="Classes, the ones with the lowest F1 first",
        columns=(
            Column(head="class"),
            Column(head="images"),
            Column(head="precision", unit="%", digits=1),
            Column(head="recall", unit="%", digits=1),
            Column(head="F1", unit="%", digits=1),
        ),
        rows=tuple(
            Row((one.name, one.support, _pct(one.precision), _pct(one.recall), _pct(one.f1)))
            for one in classes[:MAX_CLASS_ROWS]
        ),
    )


def pair_table(record: EvaluationRecord) -> Table:
    """Return the pairs of classes with the most mistakes."""
    pairs = worst_pairs(record.confusion or (), record.class_names, most=MAX_PAIRS)
    return Table(
        name=f"pairs-{record.split}",
        caption="Pairs of classes with the most mistakes",
        columns=(
            Column(head="class"),
            Column(head="taken for"),
            Column(head="images"),
            Column(head="share of the class", unit="%", digits=1),
        ),
        rows=tuple(Row((one.true, one.predicted, one.count, 100 * one.share)) for one in pairs),
    )


def reliability_chart(record: EvaluationRecord) -> Plot:
    """Return accuracy against confidence, one circle for each interval with images."""
    points = tuple(
        Point(
            x=100 * one.confidence,
            y=100 * one.accuracy,
            area=float(one.count),
            label=f"confidence {100 * one.low:.0f} to {100 * one.high:.0f} %",
            facts=(
                ("images", f"{one.count:,}"),
                ("mean confidence", f"{100 * one.confidence:.1f} %"),
                ("accuracy", f"{100 * one.accuracy:.1f} %"),
            ),
        )
        for one in record.reliability
        if one.confidence is not None and one.accuracy is not None
    )
    return Plot(
        name=f"reliability-{record.split}",
        title="Reliability: how often predictions of some confidence are right",
        x=Axis(label="confidence of the prediction", unit="%", low=0, high=100),
        y=Axis(label="accuracy", unit="%", low=0, high=100),
        series=(
            Line(
                name="as right as it is sure",
                xy=((0.0, 0.0), (100.0, 100.0)),
                color="quiet",
                is_dashed=True,
            ),
            Points(name="images of one interval of confidence", points=points, color="one"),
        ),
        area="images",
    )


def _pct(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _latency_columns(run: TrainingRun) -> tuple[str, ...]:
    """Return the measured times of the evaluations, in their order: columns that end in ``_s``."""
    names = (
        name
        for record in run.evaluations.values()
        for one in record.sizes
        for name, value in one.latency.items()
        if name.endswith("_s") and isinstance(value, int | float)
    )
    return tuple(dict.fromkeys(names))


def _milliseconds(seconds: object) -> Cell:
    return _MS * seconds if isinstance(seconds, int | float) else None


def _plain(name: str) -> str:
    words = {"one": "one image", "cpu": "CPU time"}
    return " ".join(words.get(word, word) for word in name.removesuffix("_s").split("_"))
