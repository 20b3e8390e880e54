"""nas-search from the command line to the files, on the smallest embedded images."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nas.cli import main
from nas.engine.events import Told
from nas.engine.ledger import read_ledger
from nas.report_command import main as report_main
from search_space.architecture_file import load_architecture
from search_space.space import SearchSpace
from tests.toys.images import labels_file

QUICK = ("--data", "digits", "--epochs", "1", "--max-images", "300", "--precision", "fp32")


def search(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run nas-search in a new process."""
    command = [sys.executable, "-c", "import sys; from nas.cli import main; sys.exit(main())"]
    return subprocess.run(
        [*command, *QUICK, "--out", str(out), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def first(out: Path) -> subprocess.CompletedProcess[str]:
    return search(out, "--name", "a", "--budget", "2", "--workers", "1")


@pytest.fixture(scope="module")
def extended(
    out: Path, first: subprocess.CompletedProcess[str]
) -> subprocess.CompletedProcess[str]:
    assert first.returncode == 0, first.stderr
    words = ("--budget", "3", "--workers", "1", "--tracker", "tensorboard")
    return search(out, "--name", "a", *words)


def test_it_writes_the_files_and_shows_the_next_command(
    out: Path, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 0, first.stderr
    names = {path.name for path in (out / "a").iterdir()}
    assert names >= {
        "best.json",
        "config.yaml",
        "environment.json",
        "ledger.jsonl",
        "report.html",
        "results",
        "trials.csv",
    }
    assert first.stderr == ""  # no noise of Ray or Optuna
    lines = first.stdout.splitlines()
    assert any(line.startswith("candidate 0: reward ") for line in lines)
    folder = out / "a"
    assert lines[-2:] == [
        f"next: nas-scale --from {folder}/best.json --target L --out {folder}/L.json",
        f"      nas-train --arch {folder}/best.json --data digits --out {out}",
    ]
    assert "space      tiny: 41,990,400 networks, of which 2 are tried (sampler auto)" in lines
    assert "time       known after the first candidate" in lines


def test_best_json_is_the_best_row_of_trials_csv(
    out: Path, extended: subprocess.CompletedProcess[str]
) -> None:
    table = pd.read_csv(out / "a" / "trials.csv")
    best = load_architecture(out / "a")
    row = table.sort_values("reward").iloc[-1]
    assert row["key"] == best.architecture.key
    assert best.metrics["reward"] == pytest.approx(row["reward"])
    assert SearchSpace.load("tiny").contains(best.architecture)
    reward = row["accuracy"] * row["relative_step_time"] ** -0.07
    reward *= row["relative_params"] ** -0.05
    assert row["reward"] == pytest.approx(reward)


def test_a_larger_budget_extends_the_run_and_repeats_nothing(
    out: Path, extended: subprocess.CompletedProcess[str]
) -> None:
    assert extended.returncode == 0, extended.stderr
    table = pd.read_csv(out / "a" / "trials.csv")
    assert list(table["state"]) == ["COMPLETE"] * 3
    assert table["key"].is_unique
    events = read_ledger(out / "a" / "ledger.jsonl").events
    told = [event for event in events if isinstance(event, Told)]
    assert len(told) == 3
    candidates = [line for line in extended.stdout.splitlines() if line.startswith("candidate ")]
    assert len(candidates) == 1
    assert candidates[0].startswith("candidate 2: ")


def test_a_tracker_gets_the_new_candidates(
    out: Path, extended: subprocess.CompletedProcess[str]
) -> None:
    (events,) = (out / "a" / "tensorboard").glob("events.out.tfevents.*")
    assert events.read_bytes().count(b"relative_step_time") == 1  # candidate 2


def test_a_finished_run_is_shown_again_without_training(
    out: Path,
    extended: subprocess.CompletedProcess[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = without_ledger_digest(out / "a" / "best.json")
    again = main([*QUICK, "--out", str(out), "--name", "a", "--budget", "3", "--workers", "1"])
    assert again == 0
    assert "Top 3 of 3" in capsys.readouterr().out
    assert without_ledger_digest(out / "a" / "best.json") == before


def without_ledger_digest(path: Path) -> dict[str, Any]:
    """Return the content of best.json, without the digest: each session adds a line."""
    content: dict[str, Any] = json.loads(path.read_text())
    assert content["provenance"]["ledger"].pop("sha256")
    return content


def test_other_settings_are_rejected_with_their_difference(
    out: Path,
    extended: subprocess.CompletedProcess[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = [*QUICK, "--out", str(out), "--name", "a", "--budget", "3", "--seed", "1"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "seed 0 -> 1" in error


def test_the_report_can_be_written_again(
    out: Path,
    extended: subprocess.CompletedProcess[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (out / "a" / "report.html").unlink()
    png = tmp_path / "a.png"
    assert report_main(["--run", str(out / "a"), "--png", str(png)]) == 0
    assert (out / "a" / "report.html").exists()
    assert png.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere/at/all"], "nowhere/at/all"),
        (["--space", "huge"], "huge"),
        (["--constraint", "speed < 3"], "one of params, macs"),
        (["--constraint", "params"], "must read like"),
        (["--name", "a/b"], "plain name"),
        (
            ["--data", "digits", "--max-images", "5"],
            "--max-images must be at least 10, one of each class",
        ),
        (["--config", "missing.yaml"], "missing.yaml"),
        (["--w", "0.07"], "--w: "),
        (["--workers", "4000", "--data", "digits"], "workers must be <="),
        (["--gpus-per-worker", "-1"], "--gpus-per-worker: "),
        (["--data", ""], "--data must not be empty"),
        (["--time-budget", "soon"], "--time-budget: must be a time such as 2h"),
        (["--candidate-timeout", "1x"], "--candidate-timeout: must be more than 1x"),
        (["--worker-memory", "much"], "--worker-memory: must be a size such as"),
        (["--mirror", "nowhere/at/all.log"], "--mirror: the folder of nowhere/at/all.log"),
        (["--address", "host:abc"], "address must be host:port or auto"),
        (["--address", "host:99999"], "address must be host:port or auto"),
        (["--address", "127.0.0.1:1"], "no Ray cluster answers at '127.0.0.1:1'"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "runs"
    assert main(["--precision", "fp32", "--out", str(out), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("nas-search: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not out.exists() or not list(out.iterdir())


def test_images_of_several_classes_are_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAS_CACHE_DIR", str(tmp_path / "cache"))
    data = labels_file(tmp_path / "views", [(f"{i}.png", "sky;sea") for i in range(4)])
    out = tmp_path / "runs"
    assert main(["--precision", "fp32", "--out", str(out), "--data", str(data)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("nas-search: views: a search needs images of one class each")
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    "arguments", [["--budget", "0"], ["--budget", "x"], ["--sampler", "luck"], ["--bugdet", "3"]]
)
def test_bad_flags_are_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_report_of_a_folder_without_run_is_rejected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report_main(["--run", str(tmp_path)]) == 2
    assert "config.yaml" in capsys.readouterr().err


def test_the_environment_names_the_images(
    out: Path, first: subprocess.CompletedProcess[str]
) -> None:
    environment = json.loads((out / "a" / "environment.json").read_text())
    assert environment["images"]["name"] == "digits"
    assert environment["images"]["counts"]["train"] == 1200


@pytest.mark.slow
def test_the_best_of_a_finished_run_are_trained_again(
    out: Path,
    extended: subprocess.CompletedProcess[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    again = ("--finalists", "1", "--finalist-seeds", "1", "--finalist-epochs", "2")
    arguments = [*QUICK, "--out", str(out), "--name", "a", "--budget", "3", "--workers", "1"]
    before = load_architecture(out / "a")
    assert main([*arguments, *again]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = f"candidate {before.provenance['candidate']}, seed 1, 2 epochs: "
    assert any(line.startswith(start) for line in lines)
    assert [path.suffix for path in (out / "a" / "predictions").iterdir()] == [".pt"]
    assert "Likely label errors" in (out / "a" / "report.html").read_text()
    table = pd.read_csv(out / "a" / "finalists.csv")
    best = load_architecture(out / "a")
    assert list(table["key"]) == [best.architecture.key]
    assert best.metrics["accuracy"] == pytest.approx(table.loc[0, "accuracy_mean"])
    assert best.metrics["accuracy"] > before.metrics["accuracy"]  # twice as long
    assert best.provenance["finalist"]["trainings"] == 1
