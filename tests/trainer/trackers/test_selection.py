"""Which trackers are used, and what happens without their libraries."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.toys.trackers import install
from trainer.trackers.selection import LIBRARIES, Trackers, chosen_trackers
from trainer.trackers.tracker import TrackedRun

ROOT = Path(__file__).parents[3]


def test_the_default_and_none() -> None:
    assert chosen_trackers(None, default=("tensorboard",)) == ("tensorboard",)
    assert chosen_trackers(["none"], default=("tensorboard",)) == ()
    assert chosen_trackers(None, default=()) == ()


def test_each_tracker_is_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "wandb")
    given = ["wandb", "tensorboard", "wandb"]
    assert chosen_trackers(given, default=()) == ("wandb", "tensorboard")


def test_none_excludes_the_others() -> None:
    with pytest.raises(ValueError, match="--tracker none excludes --tracker tensorboard"):
        chosen_trackers(["none", "tensorboard"], default=())


@pytest.mark.parametrize("name", ["wandb", "mlflow", "trackio"])
def test_a_missing_library_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("trainer.trackers.selection.find_spec", lambda _: None)
    with pytest.raises(ValueError, match=rf"--tracker {name}: .*training-aware-nas\[{name}\]'"):
        chosen_trackers([name], default=())


def test_a_folder_with_the_name_of_a_library_is_no_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LIBRARIES, "wandb", "wandb_runs_of_a_test")
    (tmp_path / "wandb_runs_of_a_test").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="is not installed"):
        chosen_trackers(["wandb"], default=())


def test_no_library_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import sys, trainer.trackers.selection; "
        f"print([name for name in {list(LIBRARIES.values())} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_tensorboard_gets_the_scalars_in_the_folder_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = list[str]()
    trackers = Trackers(["tensorboard"], TrackedRun(folder=tmp_path, project="p"), lines.append)
    trackers.start({"epochs": 2})
    trackers.log({"top1": 0.5}, 3)
    trackers.finish({"top1": 0.5})
    (events,) = (tmp_path / "tensorboard").glob("events.out.tfevents.*")
    assert b"top1" in events.read_bytes()
    assert lines == []
