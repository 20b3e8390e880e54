"""The evaluation at the end of a training: its files agree with what the training reported."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.console import Console

from tests.toys.training import toy_run
from trainer.evaluation.files import evaluation_files, read_evaluations, read_predictions
from trainer.fit.request import TrainRequest
from trainer.fit.state import new_state
from trainer.run.display import ConsoleDisplay
from trainer.run.final_evaluation import evaluate_result
from trainer.run.train import train
from trainer.stop_signals import StopRequest


def display() -> ConsoleDisplay:
    return ConsoleDisplay(Console(file=io.StringIO()))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> TrainRequest:
    request = replace(toy_run(tmp_path_factory.mktemp("runs") / "toy"), command=("nas-train",))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trainer.run.results.plot_training", lambda *_: None)
        assert train(request, display(), resume=False, stop=StopRequest())
    return request


def test_the_accuracy_is_that_of_the_summary(run: TrainRequest) -> None:
    final = json.loads((run.folder / "summary.json").read_text())["final"]
    record = read_evaluations(run.folder / "evaluation")["test"]
    assert (record.image_size, record.num_images, record.weights) == (16, 30, "ema")
    assert record.result.top1 == final["ema_top1"]
    assert record.result.top5 == final["ema_top5"]
    assert record.result.loss == pytest.approx(final["ema_loss"], rel=1e-6)


def test_the_record_says_what_was_evaluated(run: TrainRequest) -> None:
    record = read_evaluations(run.folder / "evaluation")["test"]
    assert record.model == str(run.folder / "model.pt")
    assert (record.name, record.key) == ("toy", run.file.architecture.key)
    assert (record.data, record.cache, record.command) == ("stripes", "stripes", ("nas-train",))
    assert record.class_names == ("rows", "columns", "none")
    assert record.confusion is not None
    assert [sum(row) for row in record.confusion] == [10, 10, 10]


def test_every_evaluated_image_has_a_prediction(run: TrainRequest) -> None:
    rows = read_predictions(run.folder / "evaluation", "test")
    record = read_evaluations(run.folder / "evaluation")["test"]
    assert [row.index for row in rows] == list(range(30))
    assert [row.label for row in rows[:3]] == ["rows", "columns", "none"]
    assert sum(row.correct for row in rows) == round(30 * record.result.top1)


def test_predictions_for_held_out_images_name_their_place_in_the_training_split(
    tmp_path: Path,
) -> None:
    whole = toy_run(tmp_path)
    held = replace(
        whole, images=replace(whole.images, splits={"train": whole.images.splits["train"]})
    )
    evaluate_result(held, new_state(held), display())
    rows = read_predictions(tmp_path / "evaluation", "holdout")
    assert [row.index for row in rows] == held.split.evaluation.tolist()


def test_a_network_that_has_diverged_has_no_evaluation(tmp_path: Path) -> None:
    request = toy_run(tmp_path)
    state, shown = new_state(request), display()
    with torch.no_grad():
        state.averaged.classifier.bias.fill_(torch.nan)
    assert evaluate_result(request, state, shown) is None
    assert not any(path.exists() for path in evaluation_files(tmp_path / "evaluation", "test"))
    assert "it has diverged" in shown.console.file.getvalue()  # type: ignore[attr-defined]


def test_a_training_that_was_killed_during_the_evaluation_repeats_it(
    run: TrainRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.run.results.plot_training", lambda *_: None)
    again = replace(run, folder=shutil.copytree(run.folder, tmp_path / "toy"))
    for path in ("summary.json", "evaluation/test.json"):
        (again.folder / path).unlink()
    assert train(again, display(), resume=True, stop=StopRequest())
    one, other = (read_evaluations(each.folder / "evaluation")["test"] for each in (run, again))
    assert other.sizes == one.sizes
    assert (again.folder / "summary.json").exists()
