"""Trainings side by side: accuracies with intervals, curves, settings that differ."""

from pathlib import Path

import pytest

from nas.report.compare_page.accuracies import accuracies
from nas.report.compare_page.differences import differing
from nas.report.compare_page.names import color_of, is_dashed, run_names
from nas.report.compare_page.trainings import compare_trainings
from nas.report.training_page.reading import read_training
from tests.toys.trained_folder import evaluated, training_folder


def test_an_accuracy_is_that_of_the_evaluations_or_of_the_training_so_far(tmp_path: Path) -> None:
    done = training_folder(tmp_path / "done")
    evaluated(done)
    evaluated(done, split="test")
    first, second = accuracies(read_training(done))
    assert (first.images, second.images) == ("8 test images", "8 validation images")
    assert [first.top1, first.low, first.high] == pytest.approx([62.5, 32.5, 82.5])
    assert first.image_size == 24
    running = read_training(training_folder(tmp_path / "running", rows=4, finished=False))
    (only,) = accuracies(running)
    assert [only.top1, only.low, only.high] == pytest.approx([75, 40.93, 92.85], abs=0.01)
    assert only.images == "8 validation images"
    assert accuracies(read_training(training_folder(tmp_path / "new", rows=0, plan=None))) == ()


def test_trainings_have_rows_curves_and_settings_that_differ(tmp_path: Path) -> None:
    first = training_folder(tmp_path / "one", recipe={"ema_decay": 0.9, "cutout": None})
    second = training_folder(tmp_path / "two", recipe={"ema_decay": 0.99}, rows=2, finished=False)
    evaluated(first)
    found = compare_trainings([read_training(first), read_training(second)], ["one", "two"])
    assert [row.cells[:5] for row in found.table.rows] == [
        ("one", "finished", "8 validation images", 24, 62.5),
        ("two", "stopped, step 20 of 40", "8 validation images", None, 50.0),
    ]
    assert [row.cells for row in found.settings.rows] == [
        ("cutout", "none", "not there"),
        ("ema_decay", "0.9", "0.99"),
    ]
    over_epochs, over_time, loss = found.curves
    lines = [line.xy for line in over_time.series if line.kind == "line"]
    assert list(lines[1]) == [(10, 25), (20, 50)]  # seconds, percent
    assert [line.name for line in over_epochs.series if line.kind == "line"] == ["one", "two"]
    assert loss.y.label == "cross-entropy"
    assert found.accuracies is not None
    drawn = [one.name for one in found.accuracies.series if one.kind == "points"]
    assert drawn == ["one"]  # the other one has not ended
    assert found.note == ""


def test_the_settings_that_differ_are_listed_and_no_others() -> None:
    found = differing(
        [{"a": 1, "b": [1, 2], "c": True, "d": 1}, {"a": 1, "b": [], "c": False, "d": 2}],
        left_out=("d",),
    )
    assert found == {"b": ("1, 2", "none"), "c": ("on", "off")}


def test_runs_of_one_name_are_told_apart_by_their_parents() -> None:
    folders = [Path("/a/runs/x"), Path("/b/runs/x"), Path("/b/runs/y")]
    assert run_names(folders) == ("a/runs/x", "b/runs/x", "y")


def test_more_than_six_runs_have_dashed_curves() -> None:
    assert color_of(6) == color_of(0)
    assert (is_dashed(5), is_dashed(6)) == (False, True)
