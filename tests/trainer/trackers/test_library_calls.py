"""What each library receives, with a fake one in its place."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.toys.trackers import FakeMlflow, Recorder, install
from trainer.trackers.mlflow_tracker import MlflowTracker, flattened
from trainer.trackers.run_ids import keep_run_id
from trainer.trackers.tracker import TrackedRun, Tracker
from trainer.trackers.trackio_tracker import TrackioTracker
from trainer.trackers.wandb_tracker import WandbTracker


@pytest.fixture
def run(tmp_path: Path) -> TrackedRun:
    (tmp_path / "flowers").mkdir()
    return TrackedRun(folder=tmp_path / "flowers", project="nas-train")


def ids(run: TrackedRun) -> Any:
    return json.loads((run.folder / "trackers.json").read_text())


def whole(tracker: Tracker, summary: dict[str, float] | None) -> str:
    place = tracker.start({"recipe": {"epochs": 2}})
    tracker.log({"top1": 0.5}, 4)
    tracker.finish(summary)
    return place


@pytest.fixture
def wandb_calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    calls: list[tuple[str, Any]] = []

    def init(**options: Any) -> Recorder:
        calls.append(("init", options))
        summary = Recorder(calls)
        return Recorder(calls, url="https://wandb.ai/me/nas-train/1", summary=summary)

    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")
    settings = lambda **given: SimpleNamespace(**given, finish_timeout=0.0)  # noqa: E731
    install(monkeypatch, "wandb", init=init, Settings=settings)
    return calls


def test_wandb_gets_settings_metrics_and_summary(
    run: TrackedRun, wandb_calls: list[tuple[str, Any]]
) -> None:
    assert whole(WandbTracker(run), {"top1": 0.6}) == "https://wandb.ai/me/nas-train/1"
    (_, options), *rest = wandb_calls
    assert options["project"] == "nas-train"
    assert options["name"] == "flowers"
    assert options["config"] == {"recipe": {"epochs": 2}}
    assert options["dir"] == str(run.folder)
    assert rest == [
        ("define_metric", ("*", {"step_metric": "step"})),
        ("log", ({"top1": 0.5, "step": 4},)),
        ("update", ({"top1": 0.6},)),
        ("finish", ()),
    ]


def test_wandb_continues_the_run_of_the_folder(
    run: TrackedRun, wandb_calls: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole(WandbTracker(run), None)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    whole(WandbTracker(run), {"top1": 0.6})
    first, second = (options for name, options in wandb_calls if name == "init")
    assert first["id"] == second["id"] == ids(run)["wandb"]
    assert first["resume"] == second["resume"] == "allow"
    assert second["project"] == "mine"
    assert [name for name, _ in wandb_calls].count("update") == 1  # not of the stopped run


def test_mlflow_gets_parameters_metrics_and_the_end(
    run: TrackedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FakeMlflow(monkeypatch)
    assert whole(MlflowTracker(run), {"top1": 0.6}) == "run id-0"
    assert store.runs["id-0"] == {
        "name": "flowers",
        "status": "FINISHED",
        "metrics": [("top1", 0.5, 4), ("final/top1", 0.6, 4)],
        "params": [("recipe.epochs", "2")],
    }
    assert store.experiments == ["nas-train"]


def test_mlflow_continues_a_stopped_run(run: TrackedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FakeMlflow(monkeypatch)
    whole(MlflowTracker(run), None)
    assert store.runs["id-0"]["status"] == "KILLED"
    whole(MlflowTracker(run), {})
    assert list(store.runs) == ["id-0"]
    assert store.runs["id-0"]["status"] == "FINISHED"
    assert len(store.runs["id-0"]["params"]) == 1  # MLflow refuses a second value


def test_mlflow_makes_a_new_run_in_another_store(
    run: TrackedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeMlflow(monkeypatch)
    whole(MlflowTracker(run), None)
    other = FakeMlflow(monkeypatch)
    whole(MlflowTracker(run), None)
    assert list(other.runs) == ["id-0"]


def test_many_and_long_parameters_keep_the_limits_of_mlflow(
    run: TrackedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FakeMlflow(monkeypatch)
    MlflowTracker(run).start(
        {**{f"p{number}": number for number in range(250)}, "long": "x" * 900}
    )
    params = dict(store.runs["id-0"]["params"])
    assert len(params) == 251
    assert params["p249"] == "249"
    assert len(params["long"]) == 500


def test_nested_settings_become_dotted_names() -> None:
    settings = {"a": 1, "b": {"c": [2, 3], "d": {"e": None}}}
    assert dict(flattened(settings)) == {"a": "1", "b.c": "[2, 3]", "b.d.e": "None"}


def test_trackio_gets_the_run_and_continues_it(
    run: TrackedRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[tuple[str, Any]] = []

    def init(**options: Any) -> Recorder:
        calls.append(("init", options))
        vars(fake)["print"]("* Trackio project initialized")
        return Recorder(calls, name=options["name"])

    install(monkeypatch, "trackio", init=init)
    import trackio as fake

    whole(TrackioTracker(run), None)
    whole(TrackioTracker(run), {"top1": 0.6})
    first, second = (options for name, options in calls if name == "init")
    assert (first["project"], first["name"], first["resume"]) == ("nas-train", "flowers", "never")
    assert (second["name"], second["resume"]) == ("flowers", "allow")
    metrics = [values for name, values in calls if name == "log"]
    assert metrics[-1] == ({"final/top1": 0.6}, {"step": 4})
    assert metrics.count(({"top1": 0.5}, {"step": 4})) == 2
    assert [name for name, _ in calls].count("finish") == 2
    assert capsys.readouterr().out == ""


def test_a_damaged_file_of_identifiers_starts_a_new_run(
    run: TrackedRun, wandb_calls: list[tuple[str, Any]]
) -> None:
    (run.folder / "trackers.json").write_text("{")
    whole(WandbTracker(run), None)
    assert ids(run)["wandb"] == wandb_calls[0][1]["id"]


def test_identifiers_that_are_written_at_the_same_time_are_all_kept(run: TrackedRun) -> None:
    names = [f"tracker {number}" for number in range(20)]
    writers = [
        threading.Thread(target=keep_run_id, args=(run.folder, name, name)) for name in names
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(ids(run)) == sorted(names)
