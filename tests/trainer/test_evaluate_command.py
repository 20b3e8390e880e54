"""nas-evaluate: agreement with the training, the choice of the images, image sizes and errors."""

import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from search_space.architecture_file import save_architecture
from tests.toys.images import class_folders, labels_file
from tests.toys.model import toy_model
from tests.toys.training import RECIPE, architecture_file
from trainer.device.gate import DeviceGate
from trainer.evaluate_cli import main
from trainer.evaluation.files import read_evaluations, read_predictions
from trainer.evaluation.record import EvaluationRecord
from trainer.model_file import read_model, save_model
from trainer.train_cli import main as train_main


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the caches of all tests here."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NAS_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that held out a part of 40 images, which are in ``images`` beside it."""
    root = tmp_path_factory.mktemp("trained")
    save_architecture(root / "toy.json", architecture_file())
    recipe = {**RECIPE, "duration": {"epochs": 2}, "holdout": 14}
    (root / "toy.yaml").write_text(yaml.safe_dump(recipe))
    class_folders(root / "images", {"cat": 20, "dog": 20})
    words = [
        *("--arch", str(root / "toy.json"), "--data", str(root / "images"), "--seed", "3"),
        *("--recipe", str(root / "toy.yaml"), "--out", str(root), "--name", "run"),
        *("--device", "cpu"),
    ]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("trainer.run.results.plot_training", lambda *_: None)
        assert train_main(words) == 0
    return root / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run and of its images, at a place of its own."""
    shutil.copytree(trained.parent / "images", tmp_path / "images")
    copy = shutil.copytree(trained, tmp_path / "run")
    environment = json.loads((copy / "environment.json").read_text())
    environment["images"]["data"] = str(tmp_path / "images")
    (copy / "environment.json").write_text(json.dumps(environment))
    shutil.rmtree(copy / "evaluation")
    return copy


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model file of the classes cat, dog and emu, with random weights."""
    path = tmp_path / "model.pt"
    save_model(path, toy_model(class_names=("cat", "dog", "emu")))
    return path


def evaluated(folder: Path, *words: str, split: str = "holdout") -> EvaluationRecord:
    assert main(["--model", str(folder), "--device", "cpu", *words]) == 0
    place = folder if folder.is_dir() else folder.parent
    (found,) = read_evaluations(place / "evaluation").values()
    assert found.split == split
    return found


def refused(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> str:
    """Return the message of a command that ends with code 2."""
    capsys.readouterr()
    assert main(["--model", str(folder), "--device", "cpu", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


@pytest.mark.parametrize(("weights", "prefix"), [("ema", "ema_"), ("raw", "")])
def test_the_accuracy_is_exactly_that_of_the_training(
    run: Path, weights: str, prefix: str
) -> None:
    final = json.loads((run / "summary.json").read_text())["final"]
    found = evaluated(run, "--weights", weights)
    assert (found.num_images, found.weights) == (14, weights)
    assert found.result.top1 == final[f"{prefix}top1"]
    assert found.result.loss == pytest.approx(final[f"{prefix}loss"], rel=1e-6)


def test_every_batch_passes_the_gate_of_the_device(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates: list[DeviceGate | None] = []

    def turn(device: torch.device, gate: DeviceGate | None) -> AbstractContextManager[None]:
        assert device.type == "cpu"
        gates.append(gate)
        return nullcontext()

    monkeypatch.setattr("trainer.inference.outputs.device_turn", turn)
    evaluated(run, "--batch-size", "5")
    assert len(gates) >= 3  # of 14 images
    assert None not in gates


def test_the_held_out_images_are_those_of_the_training(trained: Path, run: Path) -> None:
    evaluated(run)
    ours, theirs = (read_predictions(one / "evaluation", "holdout") for one in (run, trained))
    assert ours == theirs
    assert len({row.image for row in ours}) == 14


def test_held_out_images_are_found_again_from_the_model_file_alone(
    trained: Path, run: Path, tmp_path: Path
) -> None:
    shutil.copy(run / "model.pt", tmp_path / "alone.pt")
    (tmp_path / "images").rename(tmp_path / "moved")
    place = str(tmp_path / "moved")
    evaluated(tmp_path / "alone.pt", "--data", place, "--split", "holdout")
    ours = read_predictions(tmp_path / "evaluation", "holdout")
    assert ours == read_predictions(trained / "evaluation", "holdout")


def test_of_the_images_of_the_training_the_held_out_ones_are_the_default(
    run: Path, tmp_path: Path
) -> None:
    assert evaluated(run, "--data", str(tmp_path / "images")).num_images == 14


def test_a_run_of_an_earlier_version_finds_the_same_images(trained: Path, run: Path) -> None:
    save_model(run / "model.pt", replace(read_model(run / "model.pt"), training={}))
    summary = json.loads((run / "summary.json").read_text())
    for name in ("content", "holdout", "seed", "reading"):
        del summary[name]
    (run / "summary.json").write_text(json.dumps(summary))
    evaluated(run)
    ours = read_predictions(run / "evaluation", "holdout")
    assert ours == read_predictions(trained / "evaluation", "holdout")


def test_the_cache_is_used_if_the_images_are_gone(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(tmp_path / "images")
    assert evaluated(run).num_images == 14
    assert "note: the files of the images are gone; those decoded in " in capsys.readouterr().err
    err = refused(capsys, run, "--image-size", "24")
    assert "--image-size 24: only images of 16 px are left in the cache" in err
    environment = json.loads((run / "environment.json").read_text())
    environment["images"]["cache"] = str(tmp_path / "gone")
    (run / "environment.json").write_text(json.dumps(environment))
    assert "which does not exist now; give --data" in refused(capsys, run)


def test_changed_images_are_not_divided_into_trained_and_held_out_ones(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(tmp_path / "images" / "cat" / "0.png", tmp_path / "images" / "dog" / "new.png")
    for words in ([], ["--split", "holdout", "--data", str(tmp_path / "images")]):
        err = refused(capsys, run, *words)
        assert "held-out and training images cannot be told apart: " in err
        assert "41 training images instead of 40 (class 'dog' 21 instead of 20)" in err


def test_training_images_are_evaluated_only_if_asked_for_and_with_a_note(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluated(run, "--split", "train", split="train").num_images == 40
    assert "note: the network was trained on these images" in capsys.readouterr().err


def test_the_result_at_a_size_does_not_depend_on_the_other_sizes(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    several = evaluated(run, "--image-size", "24,16,12,24").sizes
    assert [one.image_size for one in several] == [24, 16, 12]
    assert "note: for 24 px the pictures are decoded at 24 px" in capsys.readouterr().err
    for one in several:
        assert evaluated(run, "--image-size", str(one.image_size)).sizes == (one,)


def test_the_details_are_of_the_model_s_own_size_or_the_first_one(run: Path) -> None:
    assert evaluated(run, "--image-size", "12,16").image_size == 16
    assert evaluated(run, "--image-size", "24,12").image_size == 24


def test_other_images_have_their_classes_matched_by_name(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The order of the columns is that of the names: dog and emu are 0 and 1 here, 1 and 2 there.
    class_folders(tmp_path / "birds", {"emu": 3, "dog": 2})
    assert main(["--model", str(model), "--data", str(tmp_path / "birds"), "--device", "cpu"]) == 0
    found = read_evaluations(tmp_path / "evaluation" / "birds")["train"]
    assert [one.support for one in found.per_class] == [0, 2, 3]
    assert found.confusion is not None
    assert [sum(row) for row in found.confusion] == [0, 2, 3]
    rows = read_predictions(tmp_path / "evaluation" / "birds", "train")
    assert all(row.label == Path(row.image).parent.name for row in rows)
    assert "1 of the 3 classes of the model has no image here: 'cat'" in capsys.readouterr().err


def test_unknown_classes_are_refused_with_their_names(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class_folders(tmp_path / "zoo", {"cats": 2, "dog": 2, "yak": 2})
    err = refused(capsys, model, "--data", str(tmp_path / "zoo"))
    assert "zoo has images of 2 classes that the model does not know: 'cats', 'yak'" in err
    assert "did you mean cat?" in err
    assert not (tmp_path / "evaluation").exists()


def test_images_of_several_classes(model: Path, tmp_path: Path) -> None:
    rows = [(f"{i}.png", ("cat;emu", "dog")[i % 2]) for i in range(6)]
    labels_file(tmp_path / "views", rows)
    words = ["--model", str(model), "--data", str(tmp_path / "views"), "--device", "cpu"]
    assert main([*words, "--out", str(tmp_path / "files")]) == 0
    found = read_evaluations(tmp_path / "files")["train"]
    assert found.confusion is None
    assert [(one.support, one.recall) for one in found.per_class] == [(3, None)] * 3
    predictions = read_predictions(tmp_path / "files", "train")
    assert {row.label for row in predictions} == {"cat;emu", "dog"}
    assert sum(row.correct for row in predictions) == round(6 * found.result.top1)


def test_the_output_of_json_is_the_file(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluated(run, "--json")
    assert json.loads(capsys.readouterr().out) == found.to_dict()
    assert found.command[:2] == ("nas-evaluate", "--model")


def test_the_tables_say_what_was_measured_and_written(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = evaluated(run)
    out = capsys.readouterr().out
    assert "run on 14 images of images (holdout), averaged weights, fp32" in out
    assert f"{100 * found.result.top1_low:.2f} to {100 * found.result.top1_high:.2f} %" in out
    assert str(run / "evaluation" / "holdout.json") in out.replace("\n", "")
    assert f"next: nas-predict --model {run} IMAGES\n      nas-report {run}\n" in out
    with (run / "evaluation" / "holdout-sizes.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert float(row["top1"]) == found.result.top1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--split", "test"], "--split test: images has no such images; it has train"),
        (["--skip-damaged", "0.5"], "--skip-damaged needs other images, given by --data"),
        (["--data", "nothing"], "'nothing' does not exist"),
        (["--data", ""], "--data must not be empty"),
        (["--device", "abacus"], "--device must be"),
    ],
)
def test_bad_input_is_one_line(
    run: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert message in refused(capsys, run, *words)
    assert not (run / "evaluation").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--image-size", "16,x"], "must be one or several whole numbers"),
        (["--image-size", "7"], "must be at least 8"),
        (["--batch-size", "0"], "must be at least 1"),
        (["--split", "minival"], "invalid choice"),
    ],
)
def test_bad_flags_exit_with_code_2(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as error:
        main(["--model", "run", *words])
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_what_is_not_a_model_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no such model file or folder" in refused(capsys, tmp_path / "nothing")
    assert "this folder holds no model.pt" in refused(capsys, tmp_path)


def test_a_model_file_alone_needs_data(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "give --data: it is not recorded" in refused(capsys, model)


def test_a_training_with_a_test_split_held_nothing_out(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts: dict[str, Any] = {"evaluated_on": "test", "name": "first"}
    save_model(model, replace(read_model(model), training=facts))
    err = refused(capsys, model, "--data", str(tmp_path), "--split", "holdout")
    assert "this training held no images out; it was evaluated on its test images" in err
    assert [*tmp_path.iterdir()] == [model]
