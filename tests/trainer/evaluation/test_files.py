"""Files of an evaluation: what is written is read again, and damaged files are named."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from trainer.evaluation.files import (
    PredictedImage,
    read_evaluation,
    read_evaluations,
    read_predictions,
    write_evaluation,
)
from trainer.evaluation.record import (
    ClassResult,
    EvaluationRecord,
    ReliabilityBin,
    SizeResult,
)

NAMES = ("cat", 'a "dog", or <b>', "=1+1")
PREDICTIONS = (
    PredictedImage(
        image="test/cat/1.png",
        index=0,
        label="cat",
        prediction="cat",
        confidence=0.75,
        label_probability=0.75,
    ),
    PredictedImage(
        image="test/b, c\n/\udcff.png",
        index=1,
        label=NAMES[1],
        prediction=NAMES[2],
        confidence=0.5,
        label_probability=0.25,
    ),
)


def record() -> EvaluationRecord:
    size = SizeResult(
        image_size=16, top1=0.5, top1_low=0.1, top1_high=0.9, top5=1, loss=0.7, calibration_error=0
    )
    none = ClassResult(name=NAMES[2], support=0, precision=0.0, recall=None, f1=0.0)
    return EvaluationRecord(
        model="runs/toy/model.pt",
        key="abc",
        name="toy",
        data="pets",
        content="0123",
        cache="/cache/16px-0",
        split="test",
        weights="ema",
        device="a processor",
        precision="fp32",
        torch_version="2.11",
        date="2026-12-01T12:00:00+00:00",
        command=("nas-evaluate", "--model", "runs/toy"),
        num_images=2,
        class_names=NAMES,
        image_size=16,
        sizes=(size, replace(size, image_size=24)),
        per_class=(
            ClassResult(name=NAMES[0], support=1, precision=1.0, recall=1.0, f1=1.0),
            ClassResult(name=NAMES[1], support=1, precision=None, recall=0.0, f1=0.0),
            none,
        ),
        confusion=((1, 0, 0), (0, 0, 1), (0, 0, 0)),
        reliability=(
            ReliabilityBin(low=0.0, high=0.5, count=1, confidence=0.5, accuracy=0.0),
            ReliabilityBin(low=0.5, high=1.0, count=1, confidence=0.75, accuracy=1.0),
        ),
    )


def test_an_evaluation_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_evaluations(tmp_path / "evaluation") == {}
    write_evaluation(tmp_path / "evaluation", record(), PREDICTIONS)
    assert read_evaluations(tmp_path / "evaluation") == {"test": record()}
    assert record().result.image_size == 16


def test_predictions_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_evaluation(tmp_path, record(), PREDICTIONS)
    read = read_predictions(tmp_path, "test")
    # A byte of a file's name that is no text is written as an escape sequence.
    assert read == (PREDICTIONS[0], replace(PREDICTIONS[1], image="test/b, c\n/\\udcff.png"))


@pytest.mark.parametrize(
    ("label", "prediction", "label_probability", "correct"),
    [
        ("cat", "cat", 0.5, True),
        ("cat", "dog", 0.25, False),
        ("cat;dog", "dog", 0.5, True),  # an image of two classes
        ("cat;dog", "dog", 0.25, False),  # one class whose name has a semicolon
        ("cat;dog", "cat;dog", 0.5, True),
        ("", "cat", 0.0, False),
    ],
)
def test_a_prediction_of_any_class_of_the_image_is_correct(
    label: str, prediction: str, label_probability: float, correct: bool
) -> None:
    image = PredictedImage(
        image="1.png",
        index=0,
        label=label,
        prediction=prediction,
        confidence=0.5,
        label_probability=label_probability,
    )
    assert image.correct is correct


def test_the_tables_have_the_agreed_columns(tmp_path: Path) -> None:
    paths = write_evaluation(tmp_path, record(), PREDICTIONS)
    assert sorted(path.name for path in paths) == sorted(p.name for p in tmp_path.iterdir())
    heads = {
        path.name: next(csv.reader(path.read_text().splitlines()))
        for path in paths
        if path.suffix == ".csv"
    }
    predictions = ["image", "index", "label", "prediction", "confidence", "label_probability"]
    assert heads["test-per-class.csv"] == ["class", "support", "precision", "recall", "f1"]
    assert heads["test-confusion.csv"] == ["true class", *NAMES]
    assert heads["test-predictions.csv"] == predictions
    assert heads["test-sizes.csv"][:4] == ["image_size", "top1", "top1_low", "top1_high"]
    content = json.loads((tmp_path / "test.json").read_text())
    assert content["schema"] == "nas.evaluation/1"
    assert content["per_class"][1]["class"] == NAMES[1]
    assert content["per_class"][1]["precision"] is None


def test_measured_latencies_are_columns_beside_the_accuracy(tmp_path: Path) -> None:
    (size, _) = record().sizes
    sizes = (replace(size, latency={"latency_p50_s": 0.25}),)
    paths = write_evaluation(tmp_path, replace(record(), sizes=sizes), PREDICTIONS)
    assert read_evaluation(paths[0]).sizes == sizes
    (row,) = csv.DictReader((tmp_path / "test-sizes.csv").read_text().splitlines())
    assert row["latency_p50_s"] == "0.25"


def test_a_matrix_of_an_earlier_evaluation_does_not_stay(tmp_path: Path) -> None:
    write_evaluation(tmp_path, record(), PREDICTIONS)
    write_evaluation(tmp_path, replace(record(), confusion=None), PREDICTIONS)
    assert not (tmp_path / "test-confusion.csv").exists()
    assert read_evaluation(tmp_path / "test.json").confusion is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "nas.evaluation/2"}, "schema must be nas.evaluation/1"),
        ({"sizes": 3}, "a value is missing or has another form"),
        ({"image_size": 17}, "image_size must be one of sizes"),
        ({"num_images": "8"}, "a value is of another kind: num_images is '8'"),
        ({"confusion": [[1, 0, None]] * 3}, "a value is of another kind: confusion is"),
        ({"confusion": [[1]]}, "confusion must be 3 rows of 3 numbers"),
        ({"per_class": []}, "per_class must be one of each class"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "test.json"
    path.write_text(json.dumps({**record().to_dict(), **change}))
    with pytest.raises(ValueError, match=message) as error:
        read_evaluation(path)
    assert str(error.value).startswith(f"{path}: damaged evaluation: ")


def test_a_flipped_digit_is_noticed(tmp_path: Path) -> None:
    path, *_ = write_evaluation(tmp_path, record(), PREDICTIONS)
    path.write_text(path.read_text().replace('"top1": 0.5', '"top1": 0.7', 1))
    with pytest.raises(ValueError, match="its checksum does not match its content"):
        read_evaluation(path)


def test_a_damaged_row_is_named(tmp_path: Path) -> None:
    write_evaluation(tmp_path, record(), PREDICTIONS[:1])
    path = tmp_path / "test-predictions.csv"
    path.write_text(path.read_text() + "a.png,one,cat,cat,0.5,0.5\n")
    with pytest.raises(ValueError, match=r"test-predictions.csv, row 3: damaged predictions"):
        read_predictions(tmp_path, "test")
