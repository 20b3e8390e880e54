"""nas-evaluate --inference: columns of the sizes, printed table, and errors."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.toys.images import class_folders
from tests.toys.model import toy_model
from trainer import evaluate_cli
from trainer.config import TimingConfig
from trainer.device.waiting import Notice
from trainer.evaluate_cli import main
from trainer.evaluation.files import read_evaluations
from trainer.export.latency import LatencyPlan, measure_latency
from trainer.model_file import ModelFile, save_model

QUICK = TimingConfig(warmup_steps=1, blocks=3, block_seconds=0.001, max_spread=100, max_attempts=1)


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of its own, and short measurements."""

    def measure(model: ModelFile, image_size: int, plan: LatencyPlan, *, notice: Notice) -> Any:
        return measure_latency(model, image_size, replace(plan, timing=QUICK), notice=notice)

    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(evaluate_cli, "measure_latency", measure)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    save_model(tmp_path / "model.pt", toy_model(class_names=("cat", "dog", "emu")))
    class_folders(tmp_path / "images", {"cat": 6, "dog": 6})
    return ["--model", str(tmp_path / "model.pt"), "--data", str(tmp_path / "images")]


def test_the_latency_is_beside_the_accuracy_of_each_size(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--device", "cpu", "--split", "train", "--out", str(tmp_path / "found")]
    flags += ["--image-size", "16,24", "--inference", "2"]
    assert main([*words, *flags]) == 0
    out = capsys.readouterr().out
    assert "latency of inference" in out
    assert "1 thread, fp32, torch" in out
    (record,) = read_evaluations(tmp_path / "found").values()
    content = json.loads((tmp_path / "found" / "train.json").read_text())
    assert [one["image_size"] for one in content["sizes"]] == [16, 24]
    for one, of_file in zip(record.sizes, content["sizes"], strict=True):
        latency = one.latency
        assert latency["latency_eager_one_p95_s"] >= latency["latency_eager_one_p50_s"] > 0
        assert latency["latency_eager_batch_p50_s"] > 0
        assert (latency["latency_batch_size"], latency["latency_threads"]) == (2, 1)
        assert of_file == {**of_file, **latency}
    with (tmp_path / "found" / "train-sizes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert float(rows[1]["latency_eager_one_p50_s"]) == latency["latency_eager_one_p50_s"]


def test_without_the_flag_there_is_no_latency(words: list[str], tmp_path: Path) -> None:
    assert main([*words, "--split", "train", "--out", str(tmp_path / "found")]) == 0
    (record,) = read_evaluations(tmp_path / "found").values()
    assert not record.result.latency


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--exported"], "nas-evaluate: --exported needs --inference"),
        (
            ["--inference", "1000000", "--image-size", "2000"],
            "nas-evaluate: --inference 1000000 is too large for ",
        ),
    ],
)
def test_what_cannot_be_measured_is_one_line_before_the_evaluation(
    words: list[str],
    flags: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*words, "--device", "cpu", "--out", str(tmp_path / "found"), *flags]) == 2
    out, err = capsys.readouterr()
    assert err.startswith(message)
    assert err.count("\n") == 1
    assert out == ""
    assert not (tmp_path / "found").exists()
