"""Facts of a training in words: accuracy with its interval, the search, files, commands."""

import json
from pathlib import Path

import pytest

from nas.report.training_page.judged import evaluation_table, judge
from nas.report.training_page.reading import TrainingRun, read_training
from nas.report.training_page.words import (
    command_lines,
    export_rows,
    key_figures,
    notes,
    origin_pairs,
    search_table,
    settings_pairs,
    time_words,
)
from tests.toys.trained_folder import evaluated, training_folder

FOUND = {
    "name": "pets-tiny-auto-0-7",
    "metrics": {"accuracy": 0.5},
    "provenance": {
        "command": "nas-search",
        "run": "pets-tiny-auto-0",
        "settings": {
            "data": "/data/pets",
            "proxy.epochs": 8,
            "proxy.image_size": 16,
            "proxy.holdout": 0.25,
            "proxy.max_images": None,
        },
        "finalist": {"epochs": 14, "accuracies": [0.45, 0.55]},
    },
}


def figures(run: TrainingRun) -> dict[str, tuple[str, str]]:
    return {name: (value, said) for name, value, said in key_figures(run)}


def test_the_accuracy_is_that_of_the_evaluation_with_its_interval(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    evaluated(folder)
    found = figures(read_training(folder))
    assert found["accuracy"] == (
        "62.50 %",
        "95 % interval 32.50 to 82.50 %; 8 validation images",
    )
    assert found["parameters"] == ("1.5 M", "25 M multiply-adds at 24 px")
    assert found["steps"] == ("40", "4 epochs; 50 images in each step")
    assert found["training time"] == ("40 s", "a CPU")


def test_without_an_evaluation_the_interval_is_wilsons(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run", rows=4, finished=False)
    # Wilson's interval of 6 of 8 with z = 1.96: centre 0.6689, half of its width 0.2596.
    name, value, said = key_figures(read_training(folder))[0]
    assert (name, value) == ("accuracy so far", "75.00 %")
    assert said == "95 % interval 40.93 to 92.85 %; 8 validation images"


def test_a_training_that_has_just_begun_has_no_accuracy(tmp_path: Path) -> None:
    run = read_training(training_folder(tmp_path / "run", rows=0, finished=False))
    assert figures(run) == {"steps": ("0", "4 epochs; 50 images in each step")}


def test_the_search_is_set_beside_the_training(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run", architecture=FOUND)
    evaluated(folder)
    table = search_table(read_training(folder))
    assert table is not None
    assert [one.head for one in table.columns] == ["", "search pets-tiny-auto-0", "this training"]
    assert [row.cells for row in table.rows] == [
        ("accuracy, %", "50", "62.5"),
        ("trainings", "2, the mean", "1"),
        ("epochs", "14", "4"),
        ("image size in training, px", "16", "16 to 24"),
        ("image size in evaluation, px", "16", "24"),
        ("judged on", "25 % of the training images", "8 validation images"),
        ("images", "/data/pets", "/data/pets"),
        ("number of training images", "all but the held-out ones", "500"),
    ]


@pytest.mark.parametrize("metrics", [{}, {"num_params": 3}])
def test_a_network_that_no_search_measured_has_no_comparison(
    tmp_path: Path, metrics: dict[str, int]
) -> None:
    scaled = {"metrics": metrics, "provenance": {"command": "nas-scale"}}
    assert (
        search_table(read_training(training_folder(tmp_path / "run", architecture=scaled))) is None
    )


def test_every_size_is_a_row_and_the_one_of_the_details_is_marked(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    evaluated(folder)
    table = evaluation_table(read_training(folder))
    heads = [one.full_head for one in table.columns[:6]]
    assert heads == ["images", "number", "image size (px)", "accuracy (%)", "from (%)", "to (%)"]
    cells = [list(row.cells[:6]) for row in table.rows]
    assert cells[0][:4] == ["validation images", 8, 24, 62.5]
    assert cells[0][4:] == pytest.approx([32.5, 82.5])
    assert cells[1][2:4] == [32, 75]
    assert [row.mark for row in table.rows] == ["best", ""]


def test_measured_latencies_have_columns_in_milliseconds(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    evaluated(folder)
    path = folder / "evaluation" / "validation.json"
    content = json.loads(path.read_text())
    content["sizes"][1] |= {"latency_p50_s": 0.002, "latency_clock": "wall"}
    content["sizes"][1] |= {"latency_eager_one_cpu_s": 0.003}
    path.write_text(json.dumps(content))
    table = evaluation_table(read_training(folder))
    heads = [one.full_head for one in table.columns]
    shown = [row.cells[heads.index("latency p50 (ms)")] for row in table.rows]
    assert shown == [None, pytest.approx(2.0)]
    shown = [row.cells[heads.index("latency eager one image CPU time (ms)")] for row in table.rows]
    assert shown == [None, pytest.approx(3.0)]
    main = [one.full_head for one in table.columns if one.is_main and "latency" in one.full_head]
    assert main == ["latency p50 (ms)"]  # the others are shown on demand


def test_classes_and_pairs_are_in_the_order_of_their_faults(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    evaluated(folder)
    (found,) = judge(read_training(folder))
    assert [row.cells[0] for row in found.classes.rows] == ["dog", "cat"]  # F1 of 4/7 and 2/3
    assert found.pairs is not None
    assert [row.cells for row in found.pairs.rows] == [
        ("dog", "cat", 2, 50),
        ("cat", "dog", 1, 25),
    ]
    assert found.num_wrong == 3
    assert [one.origin for one in found.mistakes] == [
        *("val/dog/4.png", "val/cat/3.png", "val/dog/5.png")
    ]
    (circles,) = (one for one in found.reliability.series if one.kind == "points")
    assert [(one.x, one.y, one.area) for one in circles.points] == [(25, 50, 4), (75, 75, 4)]


def test_predictions_that_are_gone_are_said(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    evaluated(folder)
    (folder / "evaluation" / "validation-predictions.csv").unlink()
    (found,) = judge(read_training(folder))
    assert (found.mistakes, found.num_wrong) == ((), None)
    assert "validation-predictions.csv, is gone" in found.gallery_note


def test_settings_commands_exports_and_notes_are_listed(tmp_path: Path) -> None:
    recipe = {
        "ema_decay": 0.9,
        "augment": {"flip": False, "scale": [0.5, 1.0]},
        "cache_size": None,
    }
    folder = training_folder(tmp_path / "a run", recipe=recipe)
    evaluated(folder)
    (folder / "export").mkdir()
    (folder / "export" / "model.onnx").write_bytes(b"12345")
    run = read_training(folder)
    assert dict(settings_pairs(run)) == {
        "batch_size": "50",
        "duration.epochs": "4",
        "ema_decay": "0.9",
        "augment.flip": "off",
        "augment.scale": "0.5, 1",
    }
    assert command_lines(run) == (
        "nas-train --name 'a run'",
        "nas-evaluate --model 'a run'",
    )
    assert export_rows(run) == (("export/model.onnx", 5),)
    assert notes(run) == ("two images are equal",)
    origin = dict(origin_pairs(run))
    assert origin["network"] == "net (0123456789ab)"
    assert origin["started"] == "2026-12-01T10:00:00+00:00"
    assert origin["initial weights"] == "random"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(7.6, "8 s"), (99, "99 s"), (100, "2 min"), (3600, "60 min"), (7500, "2 h 05 min")],
)
def test_times_have_units(seconds: float, words: str) -> None:
    assert time_words(seconds) == words
