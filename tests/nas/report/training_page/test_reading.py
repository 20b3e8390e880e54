"""Folders of trainings: finished, running, stopped, damaged, and of earlier versions."""

import fcntl
import json
from pathlib import Path

import pytest

from nas.report.training_page.reading import is_training, read_rows, read_training
from nas.report.training_page.words import state_words
from tests.toys.trained_folder import evaluated, training_folder
from trainer.evaluation.record import SplitName


def test_a_finished_training_has_its_files(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    splits: tuple[SplitName, ...] = ("train", "test", "validation")
    for split in splits:
        evaluated(folder, split=split)
    run = read_training(folder)
    assert (run.name, run.state, run.step, run.total_steps) == ("run", "finished", 40, 40)
    assert [row["step"] for row in run.rows] == [10, 20, 30, 40]
    assert list(run.evaluations) == ["test", "validation", "train"]  # new images are first
    assert state_words(run) == "finished"


def test_a_training_runs_while_a_process_holds_its_lock(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run", rows=2, finished=False)
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "step-000000027.pt").touch()
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert state_words(read_training(folder)) == "running, step 27 of 40"
    assert state_words(read_training(folder)) == "stopped, step 27 of 40"


def test_a_training_that_has_just_begun_has_no_rows(tmp_path: Path) -> None:
    run = read_training(training_folder(tmp_path / "run", rows=0, finished=False))
    assert (run.rows, run.step, run.state) == ((), 0, "stopped")
    assert not run.evaluations


def test_earlier_versions_wrote_no_plan(tmp_path: Path) -> None:
    run = read_training(training_folder(tmp_path / "run", rows=1, finished=False, plan=None))
    assert state_words(run) == "stopped, step 10"


def test_a_training_is_told_from_other_folders(tmp_path: Path) -> None:
    assert is_training(training_folder(tmp_path / "run"))
    assert not is_training(tmp_path)
    assert not is_training(tmp_path / "nothing")
    (tmp_path / "config.yaml").write_text("sampler: auto\n")  # as of a search
    assert not is_training(tmp_path)


def test_numbers_that_are_not_finite_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,epoch,phase,loss,top1\n1,0.5,1,nan,0.5\n2,1.0,1,inf,\n")
    assert read_rows(path) == (
        {"step": 1, "epoch": 0.5, "phase": 1, "top1": 0.5},
        {"step": 2, "epoch": 1.0, "phase": 1},
    )


def test_the_summary_of_a_diverged_training_is_read(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps({**summary, "best_top1": float("nan")}))
    assert read_training(folder).state == "finished"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metrics.csv", "step,epoch\n3,\n", r"metrics\.csv, row 2: it is damaged"),
        ("summary.json", "{", r"summary\.json is damaged"),
        ("summary.json", "[1]", r"summary\.json is damaged: it holds no values by name"),
        ("environment.json", '{"a": ', r"environment\.json is damaged"),
        ("summary.json", '{"steps": "40"}', r"summary\.json is damaged: steps is '40'"),
        ("environment.json", '{"plan": {"segments": [[0]]}}', r"segments is \[\[0\]\]"),
        ("environment.json", '{"images": []}', r"environment\.json is damaged: images is \[\]"),
        ("config.yaml", "a: [", r"config\.yaml is not YAML"),
        ("config.yaml", "recipe: 3", r"config\.yaml is damaged: recipe is 3"),
        ("evaluation/validation.json", "{}", r"validation\.json: damaged evaluation"),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: str, message: str) -> None:
    folder = training_folder(tmp_path / "run")
    evaluated(folder)
    (folder / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_training(folder)


def test_a_folder_without_settings_holds_no_training(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no training: there is no config\.yaml"):
        read_training(tmp_path)
