"""nas-train, nas-evaluate and nas-predict in a row: predictions are those of the evaluation."""

import csv
import io
from pathlib import Path

import pytest
import yaml

from search_space.architecture_file import save_architecture
from tests.toys.images import class_folders
from tests.toys.training import RECIPE, architecture_file
from trainer.evaluate_cli import main as evaluate
from trainer.predict_cli import main as predict
from trainer.train_cli import main as train


@pytest.mark.slow
def test_predictions_equal_those_of_the_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    save_architecture(tmp_path / "toy.json", architecture_file())
    recipe = {**RECIPE, "duration": {"epochs": 2}, "eval_crop": 0.8}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(recipe))
    class_folders(tmp_path / "images" / "train", {"cat": 20, "dog": 20})
    class_folders(tmp_path / "images" / "test", {"cat": 9, "dog": 9})
    where = ["--name", "run", "--device", "cpu", "--fit", "pad"]
    assert train(["--arch", "toy.json", "--data", "images", "--recipe", "toy.yaml", *where]) == 0
    assert evaluate(["--model", "runs/run", "--device", "cpu", "--split", "test"]) == 0
    capsys.readouterr()
    model = ["--model", "runs/run", "--device", "cpu", "--format", "csv"]
    assert predict([*model, "--data", "images", "--split", "test"]) == 0
    of_data = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert predict([*model, "images/test"]) == 0
    of_files = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    written = (tmp_path / "runs/run/evaluation/test-predictions.csv").read_text()
    evaluated = list(csv.DictReader(io.StringIO(written)))
    assert len(evaluated) == 18
    wanted = [(row["image"], row["prediction"]) for row in evaluated]
    assert [(row["image"], row["prediction"]) for row in of_data] == wanted
    confidences = [float(row["confidence"]) for row in evaluated]
    assert [float(row["probability"]) for row in of_data] == pytest.approx(confidences, rel=1e-5)
    for one, other in zip(of_files, of_data, strict=True):
        assert one == {**other, "image": f"images/{other['image']}"}
