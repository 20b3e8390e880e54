"""Predictions as a table for people, as CSV and as JSON."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from rich.table import Table

from search_space.command_line.terminal import visible
from trainer.inference.prediction import Prediction

Format = Literal["table", "csv", "json"]
DIGITS = 6  # significant ones of a probability; the logits have seven


def table(predictions: Sequence[Prediction], title: str) -> Table:
    """Return a table with a row for each image; the other classes share a cell."""
    shown = Table(title=title, title_justify="left", title_style="")
    shown.add_column("image", overflow="fold")
    shown.add_column("prediction", overflow="fold")
    shown.add_column("probability", justify="right", no_wrap=True)
    has_others = any(len(one.classes) > 1 for one in predictions)
    if has_others:
        shown.add_column("next", overflow="fold")
    for one in predictions:
        others = "\n".join(f"{visible(name)} {_percent(value)}" for name, value in one.classes[1:])
        cells = [visible(one.image), visible(one.label), _percent(one.probability)]
        shown.add_row(*cells, *([others] if has_others else []))
    return shown


def csv_lines(predictions: Iterable[Prediction]) -> Iterator[str]:
    """Yield the lines of a CSV file, with a header before the first prediction.

    The columns are image, prediction, probability, class_2, probability_2 and so on.
    Control characters in names are escape sequences.
    """
    for number, one in enumerate(predictions):
        if number == 0:
            ranks = range(2, len(one.classes) + 1)
            more = [f"{what}_{rank}" for rank in ranks for what in ("class", "probability")]
            yield _csv_line(["image", "prediction", "probability", *more])
        cells = [cell for name, value in one.classes for cell in (visible(name), _rounded(value))]
        yield _csv_line([visible(one.image), *cells])


def json_lines(predictions: Iterable[Prediction]) -> Iterator[str]:
    """Yield the lines of a JSON list that has an object for each image in a line of its own."""
    before = "[\n"
    for one in predictions:
        classes = [{"class": name, "probability": _rounded(value)} for name, value in one.classes]
        record = {
            "image": one.image,
            "prediction": one.label,
            "probability": _rounded(one.probability),
            "classes": classes,
        }
        yield before + json.dumps(record)
        before = ",\n"
    if before != "[\n":
        yield "\n]\n"


def _csv_line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _rounded(probability: float) -> float:
    return float(f"{probability:.{DIGITS}g}")


def _percent(probability: float) -> str:
    return f"{probability:.1%}".replace("%", " %")
