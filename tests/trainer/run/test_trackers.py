"""A training with trackers: what they receive, and that their faults do not end it."""

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from tests.toys.trackers import FakeMlflow, install
from tests.toys.training import StopAfter, toy_run
from trainer.fit.request import TrainRequest
from trainer.run.display import ConsoleDisplay
from trainer.run.train import train
from trainer.stop_signals import StopRequest


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainer.run.results.plot_training", lambda *_: None)


def request_of(folder: Path, *trackers: str) -> TrainRequest:
    run = toy_run(folder)
    return TrainRequest(**{**vars(run), "trackers": trackers})


def trained(run: TrainRequest, stop: StopRequest, *, resume: bool = False) -> str:
    stream = io.StringIO()
    train(run, ConsoleDisplay(Console(file=stream, width=300)), resume=resume, stop=stop)
    return stream.getvalue()


def test_a_resumed_training_continues_its_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FakeMlflow(monkeypatch)
    run = request_of(tmp_path / "run", "mlflow")
    assert "tracker mlflow: run id-0" in trained(run, StopAfter(8))
    assert store.runs["id-0"]["status"] == "KILLED"
    trained(run, StopRequest(), resume=True)
    (found,) = store.runs.values()
    assert found["status"] == "FINISHED"
    rows = pd.read_csv(run.folder / "metrics.csv")
    expected = [(row.top1, row.step) for row in rows.itertuples()]
    assert [(value, step) for name, value, step in found["metrics"] if name == "top1"] == expected
    assert ("recipe.batch_size", "16") in found["params"]


def test_a_tracker_that_fails_does_not_end_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def init(**_: Any) -> None:
        raise OSError("api.wandb.ai cannot be reached")

    install(monkeypatch, "wandb", init=init, Settings=dict)
    monkeypatch.setenv("WANDB_SILENT", "true")
    run = request_of(tmp_path / "run", "wandb", "tensorboard")
    out = trained(run, StopRequest())
    assert out.count("tracker wandb failed") == 1
    assert (run.folder / "model.pt").exists()
    assert list((run.folder / "tensorboard").iterdir())


def test_without_trackers_the_folder_has_no_events(tmp_path: Path) -> None:
    run = request_of(tmp_path / "run")
    trained(run, StopRequest())
    assert (run.folder / "model.pt").exists()
    assert not (run.folder / "tensorboard").exists()
