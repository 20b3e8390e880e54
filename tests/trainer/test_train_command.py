"""nas-train: its plan, files and errors, and its resumption after signals."""

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from search_space.architecture_file import save_architecture
from tests.toys.images import class_folders, labels_file
from tests.toys.training import RECIPE, architecture_file
from trainer.model_file import read_model
from trainer.train_cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The flags of a training of a toy network on three dozen images."""
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("trainer.run.results.plot_training", lambda *_: None)
    save_architecture(tmp_path / "toy.json", architecture_file())
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({**RECIPE, "duration": {"epochs": 2}}))
    class_folders(tmp_path / "images", {"cat": 20, "dog": 20})
    return [
        *("--arch", str(tmp_path / "toy.json"), "--data", str(tmp_path / "images")),
        *("--recipe", str(tmp_path / "toy.yaml"), "--out", str(tmp_path / "runs")),
        *("--name", "run", "--device", "cpu"),
    ]


def test_a_training_from_the_command_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "top-1 / top-5" in out
    for name in ("model.pt", "evaluation/holdout.json"):
        assert str(tmp_path / "runs" / "run" / name) in out.replace("\n", "")
        assert (tmp_path / "runs" / "run" / name).is_file()
    assert re.search(r"accuracy: [\d.]+ % \(95 % interval [\d.]+ to [\d.]+ %\)", out)
    environment = json.loads((tmp_path / "runs" / "run" / "environment.json").read_text())
    assert environment["images"]["data"] == str(tmp_path / "images")
    assert read_model(tmp_path / "runs" / "run" / "model.pt").class_names == ("cat", "dog")
    settings = yaml.safe_load((tmp_path / "runs" / "run" / "config.yaml").read_text())
    assert settings["recipe"]["duration"]["epochs"] == 2


def test_the_pretraining_recipe_on_images_of_several_classes(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = ("grass", "sky", "grass;sky", "sky;sea;grass")
    rows = [(f"{i}.png", kinds[i % 4], "train") for i in range(48)]
    rows += [(f"new/{i}.png", "sky;sea", "val") for i in range(10)]
    labels_file(tmp_path / "views", rows, "file,labels,split")
    recipe = yaml.safe_load((ROOT / "trainer" / "recipes" / "imagenet21k.yaml").read_text())
    recipe["phases"]["last"]["image_size"] = recipe["eval_size"] = recipe["batch_size"] = 16
    (tmp_path / "views.yaml").write_text(yaml.safe_dump(recipe))
    changes = ["--data", str(tmp_path / "views"), "--recipe", str(tmp_path / "views.yaml")]
    assert main([*words, *changes, "--epochs", "2"]) == 0
    run = tmp_path / "runs" / "run"
    assert read_model(run / "model.pt").class_names == ("grass", "sea", "sky")
    summary = json.loads((run / "summary.json").read_text())
    assert (summary["num_images"], summary["evaluated_on"]) == (48, "validation")
    for weights in ("", "ema_"):
        # Of three classes all are among the best five, and an even share of two costs log 2.
        assert summary["final"][f"{weights}top5"] == 1
        assert math.log(2) <= summary["final"][f"{weights}loss"] < 3
    assert "top-1 / top-5" in capsys.readouterr().out


def test_a_dry_run_shows_every_phase_and_writes_nothing(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--dry-run", "--epochs", "4"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    phases = [line for line in lines if line and line[0] in ("1", "2")]
    # px, RandAug, mixup, cutmix, dropout, steps (4 epochs of 36 images by 16), batch, accum.
    assert phases[0][1:9] == ["8", "1", "0.1", "0", "0", "4", "16", "1"]
    assert phases[1][1:9] == ["16", "3", "0.2", "0", "0.1", "5", "16", "1"]
    assert not (tmp_path / "runs").exists()


def test_a_signal_saves_a_checkpoint_and_shows_how_to_resume(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("trainer.stop_signals.StopRequest.requested", requested_after(2))
    assert main(words) == 128 + signal.SIGTERM
    assert "Resume with: nas-train" in capsys.readouterr().out
    monkeypatch.undo()
    monkeypatch.setenv("NAS_CACHE_DIR", str(Path(words[1]).parent / "cache"))
    assert main([*words, "--resume"]) == 0
    assert "resuming at step 2" in capsys.readouterr().out


def test_ctrl_c_before_the_first_step_is_one_line(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trainer.train_cli.prepare", interrupted)
    assert main(words) == 128 + signal.SIGINT
    assert capsys.readouterr().err == "nas-train: stopped\n"


def requested_after(steps: int) -> Callable[..., bool]:
    """Return a `StopRequest.requested` that sends SIGTERM before the step of that number."""
    calls = iter(range(10**6))

    def requested(self: object) -> bool:
        if next(calls) == steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return getattr(self, "signal", None) is not None

    return requested


def test_initial_weights_of_other_classes_get_a_new_head(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(words)
    class_folders(tmp_path / "more", {"cat": 20, "dog": 20, "emu": 20})
    again = [*words, "--data", str(tmp_path / "more"), "--name", "tuned"]
    model = tmp_path / "runs" / "run" / "model.pt"
    assert main([*again, "--init-from", str(model.parent)]) == 0
    out = capsys.readouterr().out
    assert "classifier: 2 of 3 classes matched by name; emu starts afresh\n" in out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--arch", "nothing"], "nothing: no such file, run folder or published name"),
        (["--recipe", "nothing"], "--recipe nothing: no such file or recipe"),
        (["--data", "nothing"], "'nothing' does not exist"),
        (["--batch-size", "1"], "must be at least 2"),
        (["--epochs", "0"], "must be above 0"),
        (["--epochs", "0.2"], "at least 2 steps"),
        (["--init-from", "nothing.pt"], "nothing.pt: no such file"),
        (["--init-from", "."], "this folder holds no model.pt and no checkpoint.pt"),
        (["--init-scale", "imagenet"], "--init-scale needs --init-from"),
        (["--name", "a/b"], "plain name without slashes"),
        (["--device", "abacus"], "--device must be"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str], change: list[str], message: str
) -> None:
    try:
        code = main([*words, *change])
    except SystemExit as stopped:  # argparse
        code = int(str(stopped.code))
    error = capsys.readouterr().err
    assert code == 2
    assert error.count("\n") == 1
    assert error.startswith("nas-train: ")
    assert message in error


def test_an_image_that_cannot_be_decoded_is_named_before_training(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "images" / "cat" / "3.png").write_bytes(b"no picture")
    assert main(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cat/3.png" in error
    assert not (tmp_path / "runs").exists()


def test_enlarged_images_are_noted(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    phases = {"kind": "fixed", "last": {"image_size": 24}}
    recipe = {**RECIPE, "phases": phases, "duration": {"steps": 1}}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(recipe))
    assert main(words) == 0
    assert "the images are 16 px (median) and are enlarged to 24 px" in capsys.readouterr().out


@pytest.mark.slow
def test_killed_and_terminated_trainings_end_bit_identical(
    words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump({**RECIPE, "duration": {"epochs": 40}}))
    assert started([*words, "--name", "whole"]).wait() == 0
    parts = [*words, "--name", "parts", "--resume"]
    folder = tmp_path / "runs" / "parts" / "checkpoints"

    terminated = started(parts)
    wait_for(lambda: len(list(folder.glob("step-*.pt"))) >= 2, terminated)
    terminated.send_signal(signal.SIGTERM)
    assert terminated.wait() == 128 + signal.SIGTERM

    before = max(folder.glob("step-*.pt"))
    killed = started(parts)
    wait_for(lambda: max(folder.glob("step-*.pt")) > before, killed)
    killed.kill()
    assert killed.wait() == -signal.SIGKILL

    assert started(parts).wait() == 0
    whole, resumed = (
        read_model(tmp_path / "runs" / name / "model.pt") for name in ("whole", "parts")
    )
    for one, other in ((whole.raw, resumed.raw), (whole.ema, resumed.ema)):
        assert all(torch.equal(one[name], other[name]) for name in one)


def started(words: list[str]) -> subprocess.Popen[bytes]:
    code = "from trainer.train_cli import main; raise SystemExit(main())"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, "-c", code, *words], cwd=ROOT, env=environment)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "the training ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_setting_of_the_reading_is_named_by_its_flag(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--skip-damaged", "2"]) == 2
    assert "--skip-damaged: Input should be less than 1, got 2" in capsys.readouterr().err
