"""What nas-train says before a training, and at its end."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from tests.toys.training import toy_run
from trainer.fit.request import TrainRequest
from trainer.run.conclusion import training_conclusion
from trainer.run.overview import training_rows


def held_out(folder: Path) -> TrainRequest:
    """Return a training without a second split; a quarter of its 52 images is held out."""
    run = toy_run(folder, holdout=0.25)
    train = {"train": run.images.splits["train"]}
    return TrainRequest(**{**vars(run), "images": replace(run.images, splits=train)})


def test_the_rows_of_a_training(tmp_path: Path) -> None:
    rows = dict(training_rows(toy_run(tmp_path), "toy.yaml", workers=2))
    assert rows["split"] == "52 to train, 30 of test to measure accuracy"
    # 4 epochs of 52 images by 16 are 13 steps.
    assert (
        rows["training"] == "toy.yaml: 4 epochs = 13 steps of 16 images, 2 phases from 8 to 16 px"
    )
    assert "fp32, 2 workers, " in rows["runs on"]
    assert rows["network"].startswith("toy: 0.0")
    assert len(rows) <= 10


def test_held_out_images_are_counted(tmp_path: Path) -> None:
    rows = dict(training_rows(held_out(tmp_path), "toy.yaml", workers=1))
    assert rows["split"] == "39 to train, 13 held out to measure accuracy"


def test_splits_that_are_not_used_are_said(tmp_path: Path) -> None:
    run = toy_run(tmp_path)
    splits = {**run.images.splits, "validation": run.images.splits["test"]}
    more = TrainRequest(**{**vars(run), "images": replace(run.images, splits=splits)})
    rows = dict(training_rows(more, "toy.yaml", workers=1))
    expected = "52 to train, 30 of validation to measure accuracy; 30 of test are not used"
    assert rows["split"] == expected
    assert "--split test" in training_conclusion(finished(more, {"top1": 0.5}))[-3]


def finished(run: TrainRequest, final: dict[str, float]) -> TrainRequest:
    run.folder.mkdir(exist_ok=True)
    (run.folder / "summary.json").write_text(json.dumps({"final": final}))
    return run


@pytest.mark.parametrize(
    ("final", "accuracy"),
    [({"top1": 0.25, "ema_top1": 0.5}, "50.00 %"), ({"top1": 0.25}, "25.00 %")],
)
def test_the_end_names_accuracy_and_the_next_commands(
    tmp_path: Path, final: dict[str, float], accuracy: str
) -> None:
    folder = tmp_path / "my run"
    lines = training_conclusion(finished(toy_run(folder), final))
    assert lines[0] == f"accuracy: {accuracy} on 30 images of test at 16 px"
    assert [shlex.split(line.removeprefix("next:")) for line in lines[1:]] == [
        ["nas-predict", "--model", str(folder), "IMAGES"],
        ["nas-evaluate", "--model", str(folder)],
        ["nas-report", str(folder)],
        ["nas-export", "--model", str(folder), "--to", "onnx"],
    ]


@pytest.mark.parametrize("scaled", [False, True])
def test_the_accuracy_of_the_search_is_said_not_to_compare(tmp_path: Path, scaled: bool) -> None:
    run = finished(toy_run(tmp_path), {"top1": 0.5})
    found = {"accuracy": 0.75}
    file = replace(run.file, metrics={} if scaled else found)
    file = replace(file, provenance={"source": found} if scaled else {})
    lines = training_conclusion(TrainRequest(**{**vars(run), "file": file}))
    of = " for the network before scaling," if scaled else ""
    assert lines[1].startswith(f"the search measured 75.00 %{of} with its own image size")
    assert "are not comparable" in lines[1]
