"""Run folders of an earlier version are read, and their files written, unchanged."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nas.candidate import Candidate, Outcome
from nas.engine.events import Asked, Opened, OtherEvent, Told, event_from_dict
from nas.engine.ledger import read_ledger
from nas.finalists.finalist_round import FinalistRound
from nas.report.outputs import write_outputs
from nas.report_command import main as report_main
from nas.run_folder.opening import read_run
from search_space.architecture_file import load_architecture

RUNS = Path(__file__).parents[1] / "golden" / "runs"
NAMES = ("full", "progressive")
WRITTEN = ("trials.csv", "pareto.csv", "finalists.csv", "best.json")


@pytest.fixture(params=NAMES)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a copy of a run under the name that it was written with."""
    return Path(shutil.copytree(RUNS / request.param, tmp_path / f"golden-{request.param}"))


def outcomes(run: Path) -> list[dict[str, Any]]:
    """Return every outcome in the files of a run."""
    lines = [json.loads(line) for line in (run / "ledger.jsonl").read_text().splitlines()]
    files = [*run.glob("results/*.json"), *run.glob("finalists/*.json")]
    found = [line["outcome"] for line in lines if "outcome" in line]
    assert found
    assert files
    return found + [json.loads(path.read_text())["outcome"] for path in files]


def test_every_event_is_read_and_written_byte_by_byte(run: Path) -> None:
    _, *lines = (run / "ledger.jsonl").read_text().splitlines()
    events = [event_from_dict(json.loads(line)) for line in lines]
    written = [json.dumps(event.to_dict(), separators=(",", ":")) for event in events]
    assert written == lines
    assert {type(event) for event in events} >= {Opened, Asked, Told}
    assert OtherEvent not in {type(event) for event in events}


def test_every_outcome_is_read_and_written_byte_by_byte(run: Path) -> None:
    for data in outcomes(run):
        outcome = Outcome.from_dict(data)
        assert json.dumps(outcome.to_dict()) == json.dumps(data)
        assert not outcome.metrics.other
        assert outcome.metrics.costs is not None
        assert outcome.metrics.training is not None


def test_the_candidate_of_every_result_is_that_of_the_ledger(run: Path) -> None:
    asked = {
        event.number: event.candidate
        for event in read_ledger(run / "ledger.jsonl").events
        if isinstance(event, Asked)
    }
    for path in (*run.glob("results/*.json"), *run.glob("finalists/*.json")):
        candidate = Candidate.from_dict(json.loads(path.read_text()))
        assert candidate == asked[candidate.number]


def test_tables_and_winner_are_written_byte_by_byte(run: Path) -> None:
    found = read_run(run)
    finals = FinalistRound.of_run(run, found.files.config, found.run_id).finals(found.records)
    assert finals is not None
    before = {name: (run / name).read_text() for name in WRITTEN}
    for name in WRITTEN:
        (run / name).unlink()
    write_outputs(found.files, found.records, finals)
    written = {name: (run / name).read_text() for name in WRITTEN}
    # Since that version best.json also names its ledger, at the end of the provenance.
    best = json.loads(written["best.json"])
    ledger = (run / "ledger.jsonl").read_bytes()
    assert best["provenance"].popitem() == (
        "ledger",
        {
            "sha256": hashlib.sha256(ledger).hexdigest(),
            "candidates": ledger.count(b'"event":"told"'),
        },
    )
    written["best.json"] = json.dumps(best, indent=2) + "\n"
    assert written == before


def test_the_report_is_built_from_the_folder(run: Path) -> None:
    assert report_main(["--run", str(run), "--png", str(run / "report.png")]) == 0
    winner = load_architecture(run).provenance["candidate"]
    page = (run / "report.html").read_text()
    assert f"Winner: candidate {winner}" in page
    assert (run / "report.png").stat().st_size > 0


# The flags that the runs were made with, without the budget.
FLAGS = {
    "full": ("--finalists", "2"),
    "progressive": (
        *("--fidelity", "progressive", "--rungs", "2", "--finalists", "1"),
        *("--constraint", "params < 400k"),
    ),
}
BOTH = (
    *("--data", "digits", "--max-images", "1200", "--epochs", "3", "--workers", "1"),
    *("--finalist-seeds", "1", "--finalist-epochs", "2"),
)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "budget"), [("full", 6), ("progressive", 8)])
def test_a_larger_budget_resumes_the_run_and_keeps_what_it_has(
    name: str, budget: int, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(RUNS / name, tmp_path / f"golden-{name}"))
    before, ledger = read_run(run), (run / "ledger.jsonl").read_text()
    code = "import sys; from nas.cli import main; sys.exit(main())"
    where = ("--out", str(tmp_path), "--name", f"golden-{name}", "--budget", str(budget))
    resumed = subprocess.run(
        [sys.executable, "-c", code, *BOTH, *FLAGS[name], *where],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert resumed.returncode == 0, resumed.stderr
    assert (run / "ledger.jsonl").read_text().startswith(ledger)
    found = read_run(run)
    assert found.run_id == before.run_id
    kept = {record.candidate.number: record for record in found.records}
    for record in before.records:
        now = kept[record.candidate.number]
        assert now.candidate == record.candidate
        assert now == record or now.rung > record.rung  # a rung may have been promoted
    assert sum(record.outcome.is_charged for record in found.records) == budget
