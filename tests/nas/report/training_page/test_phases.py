"""Phases of a training: settings, borders in epochs, speed and waiting, worked out by hand."""

from pathlib import Path

import pytest

from nas.report.training_page.curves import course_charts, thinned
from nas.report.training_page.phases import (
    phase_bands,
    phase_facts,
    phase_table,
    total_epochs,
)
from nas.report.training_page.reading import TrainingRun, read_training
from tests.toys.trained_folder import PLAN, training_folder, write_rows


def run_in(folder: Path, **how: object) -> TrainingRun:
    return read_training(training_folder(folder / "run", **how))  # type: ignore[arg-type]


def test_speed_and_waiting_are_those_of_the_whole_phase(tmp_path: Path) -> None:
    first, second = phase_facts(run_in(tmp_path))
    assert first.images_per_sec == pytest.approx(200)  # 1,000 images in 2 + 3 s
    assert first.wait_share == pytest.approx(0.3)  # 10 x 0.1 s and 10 x 0.05 s of 5 s
    assert second.images_per_sec == pytest.approx(100)
    assert second.wait_share == 0
    assert (first.steps, second.steps) == (20, 20)
    assert (first.top1, second.top1) == (0.5, 0.75)  # of the averaged weights


def test_a_phase_that_has_not_begun_is_planned(tmp_path: Path) -> None:
    run = run_in(tmp_path, rows=1, finished=False)
    first, second = phase_facts(run)
    assert (first.top1, first.steps) == (0.25, 20)
    assert (second.images_per_sec, second.top1, second.steps) == (None, None, 20)
    assert second.settings["image_size"] == 24
    assert total_epochs(run) == 4
    last = phase_table(run).rows[-1]
    assert last.cells == (2, 20, 24, 15.0, 0.2, None, 0.3, None, None, None)


def test_bands_have_the_borders_of_the_plan(tmp_path: Path) -> None:
    bands = phase_bands(run_in(tmp_path, rows=1, finished=False))
    assert [(one.label, one.start, one.end) for one in bands] == [
        ("16 px", 0.0, 2.0),
        ("24 px", 2.0, 4.0),
    ]
    assert bands[1].facts == (
        *(("phase", "2"), ("image size", "24 px")),
        *(("RandAugment", "15"), ("mixup", "0.2"), ("dropout", "0.3")),
    )


def test_without_a_plan_bands_end_at_the_last_evaluation(tmp_path: Path) -> None:
    run = run_in(tmp_path, rows=3, finished=False, plan=None)
    assert [(one.label, one.start, one.end) for one in phase_bands(run)] == [
        ("16 px", 0.0, 2.0),
        ("24 px", 2.0, 3.0),
    ]
    assert total_epochs(run) is None


def test_a_training_of_one_phase_has_no_bands(tmp_path: Path) -> None:
    one = {**PLAN, "phases": PLAN["phases"][:1], "segments": [[0, 0]]}  # type: ignore[index]
    assert phase_bands(run_in(tmp_path, plan=one, rows=2, finished=False)) == ()


def test_phases_that_are_drawn_many_times_have_no_bands(tmp_path: Path) -> None:
    many = {**PLAN, "segments": [[step, step % 2] for step in range(40)]}
    run = run_in(tmp_path, plan=many)
    assert phase_bands(run) == ()
    assert [one.steps for one in phase_facts(run)] == [20, 20]


def test_charts_have_the_curves_that_were_measured(tmp_path: Path) -> None:
    accuracy, loss, rate, speed = course_charts(run_in(tmp_path))
    lines = {one.name: list(one.xy) for one in accuracy.series if one.kind == "line"}
    assert lines["averaged weights"] == [(1, 25), (2, 50), (3, 62.5), (4, 75)]
    assert lines["training batches, augmented"] == [(1, 20), (2, 20), (3, 20), (4, 20)]
    assert [accuracy.x.low, accuracy.x.high] == [0, 4]
    assert [one.kind for one in loss.series].count("line") == 3
    assert [one.kind for one in rate.series].count("band") == 2
    (points,) = (one for one in speed.series if one.kind == "points")
    assert [round(point.y, 1) for point in points.points] == [250, 166.7, 100, 100]
    assert points.points[0].label == "epoch 1, step 10"
    assert ("accuracy, averaged weights", "25.00 %") in points.points[0].facts


def test_without_averaged_weights_the_points_are_on_the_other_curve(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run", rows=0)
    row = {"step": 5, "epoch": 0.5, "phase": 1, "top1": 0.5}
    write_rows(folder / "metrics.csv", [row, {**row, "step": 9, "epoch": 0.9, "top1": 0.75}])
    (accuracy,) = course_charts(read_training(folder))
    assert [one.kind for one in accuracy.series] == ["band", "band", "line", "points"]


def test_a_training_that_was_not_evaluated_has_no_charts(tmp_path: Path) -> None:
    assert course_charts(run_in(tmp_path, rows=0, finished=False)) == ()


def test_many_rows_are_thinned_and_keep_the_ends() -> None:
    rows = [{"step": float(step)} for step in range(101)]
    assert [row["step"] for row in thinned(rows, 5)] == [0, 25, 50, 75, 100]
    assert thinned(rows[:5], 5) == rows[:5]
