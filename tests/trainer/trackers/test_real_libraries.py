"""One run in each real library, offline; a test skips itself if its library is not installed.

Each run is stopped and continued, and has the metrics of both parts.
"""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
# In a process of its own: the libraries start servers and threads, and patch modules.
PROGRAM = """
import sys
from pathlib import Path
from trainer.trackers.selection import Trackers, chosen_trackers
from trainer.trackers.tracker import TrackedRun

folder = Path(sys.argv[2])
folder.mkdir(exist_ok=True)
for start, summary in ((0, None), (2, {"top1": 0.75})):
    names = chosen_trackers([sys.argv[1]], default=())
    trackers = Trackers(names, TrackedRun(folder=folder, project="toy", start=start), print)
    trackers.start({"recipe": {"epochs": 4}})
    for step in (start + 1, start + 2):
        trackers.log({"top1": step / 8}, step)
    trackers.finish(summary)
"""
FOUND = {
    "mlflow": """
from mlflow import MlflowClient
client = MlflowClient()
runs = client.search_runs([client.get_experiment_by_name("toy").experiment_id])
for run in runs:
    print(run.info.status, run.data.params, run.data.metrics["final/top1"])
    print([(one.step, one.value) for one in client.get_metric_history(run.info.run_id, "top1")])
""",
    "trackio": """
import trackio
from trackio.sqlite_storage import SQLiteStorage
for run in trackio.Api().runs("toy"):
    rows = SQLiteStorage.get_logs("toy", run_id=run.id)
    for name in ("top1", "final/top1"):
        print([(row["step"], row[name]) for row in rows if name in row])
""",
}


def output(code: str, *words: str, folder: Path, **variables: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def needs(library: str) -> pytest.MarkDecorator:
    missing = find_spec(library) is None
    return pytest.mark.skipif(missing, reason=f"{library} is not installed")


@needs("wandb")
def test_wandb_offline(tmp_path: Path) -> None:
    said = output(PROGRAM, "wandb", str(tmp_path / "run"), folder=tmp_path, WANDB_MODE="offline")
    assert "failed" not in said
    parts = sorted((tmp_path / "run" / "wandb").glob("offline-run-*"))
    assert len(parts) == 2  # `wandb sync` makes one run of them, because their identifier is one
    assert len({part.name.rpartition("-")[2] for part in parts}) == 1


@needs("mlflow")
def test_mlflow_in_a_local_store(tmp_path: Path) -> None:
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    said = output(PROGRAM, "mlflow", str(tmp_path / "run"), folder=tmp_path, **store)
    assert "failed" not in said
    assert output(FOUND["mlflow"], folder=tmp_path, **store).splitlines() == [
        "FINISHED {'recipe.epochs': '4'} 0.75",
        "[(1, 0.125), (2, 0.25), (3, 0.375), (4, 0.5)]",
    ]


@needs("trackio")
def test_trackio_in_a_local_folder(tmp_path: Path) -> None:
    place = {"TRACKIO_DIR": str(tmp_path / "trackio")}
    said = output(PROGRAM, "trackio", str(tmp_path / "run"), folder=tmp_path, **place)
    assert said.splitlines() == ["tracker trackio: trackio show --project toy"] * 2
    assert output(FOUND["trackio"], folder=tmp_path, **place).splitlines() == [
        "[(1, 0.125), (2, 0.25), (3, 0.375), (4, 0.5)]",
        "[(4, 0.75)]",
    ]
