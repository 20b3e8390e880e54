"""A disk that becomes full or read-only during a search."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.engine.ledger import read_ledger
from nas.engine.search_state import SearchState
from search_space.architecture_file import load_architecture

pytestmark = pytest.mark.slow
QUICK = ("--data", "digits", "--epochs", "1", "--max-images", "300", "--precision", "fp32")
# How exactly a step is timed does not matter here.
TIMING = "proxy: {timing: {warmup_steps: 1, blocks: 3, block_seconds: 0.01, max_attempts: 1}}\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 40 KiB, which a handful of candidates fill."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=40k", "none", str(folder)]
    if os.getuid() != 0 or subprocess.run(["mount", *options], check=False).returncode != 0:
        pytest.skip("only root may mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


def search(disk: Path, budget: int, *flags: str) -> subprocess.CompletedProcess[str]:
    config = disk.parent / "search.yaml"
    config.write_text(TIMING)
    where = ("--out", str(disk), "--name", "a", "--budget", str(budget), "--config", str(config))
    command = [sys.executable, "-c", "import sys; from nas.cli import main; sys.exit(main())"]
    return subprocess.run(
        [*command, *QUICK, *where, *flags, "--workers", "1"],
        capture_output=True,
        text=True,
        check=False,
        # A separate timing gate, so that other searches of this machine do not delay it.
        env={**os.environ, "TMPDIR": str(disk.parent)},
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_valid(run: Path) -> int:
    """Read every file of the run; return how many candidates have an outcome."""
    contents = read_ledger(run / "ledger.jsonl")
    for path in (run / "results").glob("*.json"):
        assert json.loads(path.read_bytes())["run_id"] == contents.run_id
    assert not list(run.rglob(".*.tmp"))  # a write that failed leaves no draft
    records = SearchState(contents.events).records
    if (run / "best.json").exists():
        best = load_architecture(run).provenance["candidate"]
        assert best in {record.candidate.number for record in records}
    return len(records)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("executor", ["actors", "tune"])
def test_a_full_disk_stops_with_one_line_and_the_search_goes_on_when_there_is_room(
    disk: Path, executor: str
) -> None:
    stopped = search(disk, 12, "--executor", executor)
    assert stopped.returncode == 2, stopped.stderr
    assert stopped.stderr.startswith("nas-search: ")
    assert "No space left on device" in stopped.stderr
    assert stopped.stderr.count("\n") == 1
    finished = assert_valid(disk / "a")
    before = contents(disk / "a" / "results")
    again = search(disk, 12, "--executor", executor)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert assert_valid(disk / "a") >= finished
    remount(disk, "size=8m")
    assert search(disk, 12, "--executor", executor).returncode == 0
    assert assert_valid(disk / "a") == 12
    after = contents(disk / "a" / "results")
    for path in before:
        assert path.endswith(".lock") or after[path] == before[path]  # of work that continued


@pytest.mark.timeout(600)
def test_a_folder_that_may_only_be_read_is_one_line_and_stays_as_it_is(disk: Path) -> None:
    remount(disk, "size=8m")
    assert search(disk, 2).returncode == 0
    before = contents(disk)
    remount(disk, "ro")
    for budget in (2, 3):  # nothing left to do, and something
        refused = search(disk, budget)
        assert refused.returncode == 2
        assert refused.stderr.startswith("nas-search: ")
        assert "Read-only file system" in refused.stderr
        assert refused.stderr.count("\n") == 1
    assert contents(disk) == before
