"""An evaluation as tables on a terminal."""

import math

from rich.console import Console
from rich.table import Table

from search_space.counted import counted
from trainer.evaluation.metrics import worst_pairs
from trainer.evaluation.record import ClassResult, EvaluationRecord

MOST_ROWS = 10  # of classes, and half of it of pairs


def show_evaluation(record: EvaluationRecord, console: Console) -> None:
    """Print the accuracy at every size, the classes, and the pairs that are confused most."""
    console.print(_sizes(record))
    console.print(_classes(record))
    if record.confusion is None:
        return
    pairs = worst_pairs(record.confusion, record.class_names, most=MOST_ROWS // 2)
    if pairs:
        table = _table("most frequent mistakes", "images of", "taken for")
        table.add_column("count", justify="right")
        table.add_column("of the class", justify="right")
        for pair in pairs:
            table.add_row(pair.true, pair.predicted, f"{pair.count:,}", percent(pair.share))
        console.print(table)


def percent(share: float | None) -> str:
    """Return a share in percent; a dash if it is not defined."""
    return "-" if share is None else f"{share:.1%}".replace("%", " %")


def _sizes(record: EvaluationRecord) -> Table:
    weights = "averaged weights" if record.weights == "ema" else "weights of the last step"
    images = f"{counted(record.num_images, 'image')} of {record.data} ({record.split})"
    table = _table(f"{record.name} on {images}, {weights}, {record.precision}")
    for name in ("size", "top-1", "95 % interval", "top-5", "loss", "calibration error"):
        table.add_column(name, justify="right")
    for one in record.sizes:
        table.add_row(
            f"{one.image_size} px",
            f"{100 * one.top1:.2f} %",
            f"{100 * one.top1_low:.2f} to {100 * one.top1_high:.2f} %",
            f"{100 * one.top5:.2f} %",
            f"{one.loss:.4f}",
            f"{100 * one.calibration_error:.2f} %",
        )
    return table


def _classes(record: EvaluationRecord) -> Table:
    shown, title = record.per_class, f"classes at {record.image_size} px"
    if len(shown) > MOST_ROWS:
        shown = tuple(sorted(shown, key=_goodness)[:MOST_ROWS])
        title = f"the {MOST_ROWS} worst of {len(record.per_class):,} {title}"
    table = _table(title, "class")
    for name in ("images", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for one in shown:
        shares = (one.precision, one.recall, one.f1)
        table.add_row(one.name, f"{one.support:,}", *map(percent, shares))
    return table


def _goodness(result: ClassResult) -> float:
    """Return F1, or precision where F1 is not defined; classes with neither are last."""
    if result.f1 is not None:
        return result.f1
    return math.inf if result.precision is None else result.precision


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title, title_justify="left")
    for column in table.columns:
        column.overflow = "fold"
    return table
