"""A training on two workers of Ray Train: kills and signals do not change its result."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from search_space.architecture_file import load_architecture, save_architecture
from tests.toys.images import class_folders
from tests.toys.process_group import together, train_together
from tests.toys.training import RECIPE, architecture_file
from trainer.data.prepare import prepare
from trainer.evaluation.files import read_evaluations
from trainer.fit.request import TrainRequest
from trainer.model_file import read_model
from trainer.recipes.config import load_recipe
from trainer.train_cli import main

ROOT = Path(__file__).parents[3]
COMMAND = "from trainer.train_cli import main; raise SystemExit(main())"
STEPS = 700
OFTEN = {"evaluate_every": {"steps": 50}, "checkpoint_every": {"steps": 10}}


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the flags of a training of a toy network on 40 images by two workers."""
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    save_architecture(tmp_path / "toy.json", architecture_file())
    recipe = {**RECIPE, **OFTEN, "duration": {"steps": STEPS}}
    (tmp_path / "toy.yaml").write_text(yaml.safe_dump(recipe))
    class_folders(tmp_path / "images", {"cat": 20, "dog": 20})
    return [
        *("--arch", str(tmp_path / "toy.json"), "--data", str(tmp_path / "images")),
        *("--recipe", str(tmp_path / "toy.yaml"), "--out", str(tmp_path / "runs")),
        *("--name", "run", "--device", "cpu", "--workers", "2", "--threads", "1"),
    ]


def start(words: list[str], *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *words, *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def wait_until(holds: Callable[[], bool], driver: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 400
    while not holds():
        assert driver.poll() is None, driver.communicate()[0]
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def steps_done(folder: Path) -> int:
    names = [path.stem for path in folder.glob("checkpoints/step-*.pt")]
    return max((int(name.removeprefix("step-")) for name in names), default=-1)


def children(pid: int) -> list[int]:
    """Return the descendants of the process `pid`, read from /proc."""
    below: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended in the meantime
        below.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for process in found:
        found.extend(below.get(process, []))
    return found[1:]


def train_workers(driver: subprocess.Popen[str]) -> list[int]:
    def name(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return ""

    return [pid for pid in children(driver.pid) if "RayTrainWorker" in name(pid)]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_kills_and_signals_do_not_change_the_weights(words: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "run"
    driver = start(words)
    wait_until(lambda: steps_done(folder) >= 100, driver)
    driver.kill()
    driver.communicate()

    driver = start(words, "--resume")
    wait_until(lambda: steps_done(folder) >= 300, driver)
    before = train_workers(driver)
    assert len(before) == 2
    os.kill(before[1], signal.SIGKILL)
    wait_until(lambda: steps_done(folder) >= 500, driver)
    assert not set(train_workers(driver)) & set(before)
    driver.terminate()
    said = driver.communicate(timeout=300)[0]
    assert driver.returncode == 128 + signal.SIGTERM, said
    assert "workers lost (" in said
    assert said.count("resuming at step") == 2
    assert "stopped and saved" in said
    assert "Traceback" not in said

    driver = start(words, "--resume")
    said = driver.communicate(timeout=600)[0]
    assert driver.returncode == 0, said
    rows = pd.read_csv(folder / "metrics.csv")
    assert list(rows["step"]) == list(range(50, STEPS + 1, 50))
    # The first worker has evaluated all images, and the two of them a half each.
    evaluation = read_evaluations(folder / "evaluation")["holdout"]
    assert evaluation.result.top1 == rows["ema_top1"].iloc[-1]

    reference = TrainRequest(
        file=load_architecture(str(tmp_path / "toy.json")),
        recipe=load_recipe(str(tmp_path / "toy.yaml")),
        images=prepare(str(tmp_path / "images"), 16),
        folder=tmp_path / "reference",
        seed=0,
        device=torch.device("cpu"),
        precision="fp32",
    )
    together(2, train_together, reference, None)
    one, other = (read_model(place / "model.pt") for place in (folder, reference.folder))
    for name, tensor in one.raw.items():
        assert torch.equal(tensor, other.raw[name]), name
    for name, tensor in one.ema.items():
        assert torch.equal(tensor, other.ema[name]), name


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--batch-size", "15"], "15 images cannot be divided equally among 2 workers"),
        (["--device", "cuda:0"], "--device cuda:0 names one device; leave it out with --workers"),
        (["--workers", "0"], "--workers: must be at least 1, got 0"),
        (["--gpus-per-worker", "2"], "invalid choice: 2"),
    ],
)
def test_invalid_flags_are_refused_before_the_training(
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    message: str,
) -> None:
    try:
        code = main([*words, *flags])
    except SystemExit as exit_:  # of argparse
        code = int(exit_.code or 0)
    assert code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "runs").exists()
