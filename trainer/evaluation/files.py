"""Files of an evaluation: SPLIT.json for programs, tables for people, and every prediction."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from search_space.atomic_file import write_atomic
from search_space.checksum import parse_sealed, sealed
from search_space.text_files import read_text
from trainer.evaluation.record import EvaluationRecord, SplitName

EVALUATION = "evaluation"  # folder in that of a run
MAX_JSON_BYTES = 64 * 2**20  # of a thousand classes the confusion matrix has some MB
MAX_TABLE_BYTES = 2**30
SHARE_DIGITS = 6  # of probabilities in predictions.csv
PREDICTIONS = "predictions"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedImage:
    """The prediction for one image: a row of ``SPLIT-predictions.csv``.

    Attributes:
        image: Where the image comes from, such as ``train/cat/1.jpg``; "" if it is not known.
        index: Position in the split of the cache.
        label: Name of its class; of several classes all names, joined by ``;``.
        prediction: Name of the class with the largest probability.
        confidence: That probability, in [0, 1].
        label_probability: Probability of its class, of several classes the largest.
    """

    image: str
    index: int
    label: str
    prediction: str
    confidence: float
    label_probability: float

    @property
    def correct(self) -> bool:
        """Whether the prediction is right; for an image of several classes, any one is."""
        if self.prediction == self.label:
            return True
        # The probabilities tell several names from one name that has a semicolon.
        equal = self.label_probability == self.confidence
        return equal and self.prediction in self.label.split(";")


def evaluation_files(folder: Path, split: str) -> tuple[Path, ...]:
    """Return the paths of the files of a split's evaluation, SPLIT.json first."""
    tables = ("sizes", "per-class", "confusion", PREDICTIONS)
    return folder / f"{split}.json", *(folder / f"{split}-{name}.csv" for name in tables)


def write_evaluation(
    folder: Path, record: EvaluationRecord, predictions: Iterable[PredictedImage]
) -> tuple[Path, ...]:
    """Write the files of an evaluation, and remove those of an earlier one that it does not have.

    Args:
        folder: Their folder; it is made if it is missing.
        record: The evaluation.
        predictions: The prediction of every image, in the order of the split.

    Returns:
        The paths of the files.

    Raises:
        OSError: If a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    main, sizes, per_class, confusion, table = evaluation_files(folder, record.split)
    written = [
        write_atomic(sizes, _table([one.to_dict() for one in record.sizes])),
        write_atomic(per_class, _table([one.to_dict() for one in record.per_class])),
    ]
    if record.confusion is None:
        confusion.unlink(missing_ok=True)
    else:
        head = ("true class", *record.class_names)
        rows = zip(record.class_names, record.confusion, strict=True)
        matrix = [head, *((name, *counts) for name, counts in rows)]
        written.append(write_atomic(confusion, _csv(matrix)))
    columns = [one.name for one in fields(PredictedImage)]
    images = ([_cell(getattr(one, name)) for name in columns] for one in predictions)
    written.append(write_atomic(table, _csv([columns, *images])))
    # The last one: a reader that finds it finds the others too.
    return write_atomic(main, sealed(record_json(record)) + "\n"), *written


def record_json(record: EvaluationRecord) -> str:
    """Return JSON with one key in each line: indented matrices would be long."""
    content = record.to_dict().items()
    lines = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in content)
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_evaluation(path: Path) -> EvaluationRecord:
    """Return the evaluation in a ``SPLIT.json``.

    Raises:
        ValueError: If the file is damaged or none of an evaluation; names the file.
        OSError: If it cannot be read.
    """
    try:
        content = parse_sealed(read_text(path, max_bytes=MAX_JSON_BYTES).encode())
        return EvaluationRecord.from_dict(content)
    except ValueError as error:
        raise ValueError(f"{path}: damaged evaluation: {error}") from error


def read_evaluations(folder: Path) -> dict[SplitName, EvaluationRecord]:
    """Return the evaluations in a folder by split; none if there is no such folder.

    Args:
        folder: A run's folder ``evaluation``, or that of ``nas-evaluate --out``.

    Raises:
        ValueError: If a file is damaged; names the file.
        OSError: If one cannot be read.
    """
    names: tuple[SplitName, ...] = get_args(SplitName)
    paths = {name: folder / f"{name}.json" for name in names}
    return {name: read_evaluation(path) for name, path in paths.items() if path.exists()}


def read_predictions(folder: Path, split: str) -> tuple[PredictedImage, ...]:
    """Return the predictions of a split's evaluation, in the order of the split.

    Raises:
        ValueError: If the file is damaged; names the file and the row.
        OSError: If it cannot be read.
    """
    path = folder / f"{split}-{PREDICTIONS}.csv"
    lines = csv.DictReader(io.StringIO(read_text(path, max_bytes=MAX_TABLE_BYTES), newline=""))
    found = []
    for number, row in enumerate(lines, start=2):
        try:
            found.append(
                PredictedImage(
                    image=row["image"],
                    index=int(row["index"]),
                    label=row["label"],
                    prediction=row["prediction"],
                    confidence=float(row["confidence"]),
                    label_probability=float(row["label_probability"]),
                )
            )
        except (LookupError, TypeError, ValueError) as error:
            raise ValueError(f"{path}, row {number}: damaged predictions: {error!r}") from error
    return tuple(found)


def _table(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows that all have the same keys as CSV with a head."""
    return _csv([list(rows[0]), *(row.values() for row in rows)])


def _csv(lines: Iterable[Iterable[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows(lines)
    return stream.getvalue()


def _cell(value: object) -> object:
    return f"{value:.{SHARE_DIGITS}f}" if isinstance(value, float) else value
