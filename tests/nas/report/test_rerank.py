"""Ranking of a finished run by other exponents, by hand; the run stays unchanged."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from nas.candidate import Record
from nas.cli import main
from nas.engine.events import Asked, Told
from nas.engine.ledger import Ledger
from nas.report.outputs import rerank, show_reranked
from search_space.architecture_file import load_architecture
from tests.nas.nas_records import CONFIG, TINY, failed, run_files, trained
from tests.toys.metrics import at_rung, with_metrics


def point(number: int, accuracy: float, relative: float, params: float, depth: int = 1) -> Record:
    record = trained(number, 0.5, accuracy=accuracy, relative=relative, depth=depth)
    return with_metrics(record, relative_params=params)


RECORDS = (point(0, 0.8, 4.0, 1.0), point(1, 0.6, 1.0, 4.0, depth=2), failed(2))


def run(folder: Path, records: Sequence[Record] = RECORDS) -> Path:
    folder.mkdir()
    run_files(folder).write_config()
    with Ledger(folder / "ledger.jsonl", CONFIG.identity()) as ledger:
        for record in records:
            asked = Asked(**record.candidate.to_dict())
            ledger.append(asked, Told(number=asked.number, outcome=record.outcome))
    return folder


@pytest.mark.parametrize(
    ("w", "v", "rewards"),
    [
        (0.0, 0.0, {0: 0.8, 1: 0.6}),
        (-0.5, 0.0, {1: 0.6, 0: 0.4}),  # 0.8 / sqrt(4)
        (-0.5, -1.0, {0: 0.4, 1: 0.15}),  # 0.6 / 4
    ],
)
def test_the_ranking_by_hand(w: float, v: float, rewards: dict[int, float]) -> None:
    ranked = rerank(RECORDS, w=w, v=v)
    assert [record.candidate.number for record in ranked] == list(rewards)
    assert [record.outcome.reward for record in ranked] == pytest.approx(list(rewards.values()))


def test_the_table_contains_comparable_candidates_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "a", [RECORDS[0], at_rung(RECORDS[1], 1)])
    assert main(["--reweigh", "0", "0", "--name", "a", "--out", str(tmp_path)]) == 0
    assert "Top 1 of 1 for w = 0, v = 0" in capsys.readouterr().out


def test_a_positive_exponent_is_refused() -> None:
    with pytest.raises(ValueError, match=r"w must be <= 0, got 0\.1"):
        rerank(RECORDS, w=0.1, v=0.0)


def test_the_run_is_unchanged_and_the_winner_is_written(tmp_path: Path) -> None:
    folder = run(tmp_path / "a")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    stream = io.StringIO()
    path = show_reranked(folder, -0.5, 0.0, Console(file=stream))
    assert "dropped" not in stream.getvalue()
    assert path == folder / "best-w-0.5-v0.json"
    file = load_architecture(path)
    assert file.architecture == TINY.architecture(RECORDS[1].candidate.choices)
    assert file.metrics["reward"] == pytest.approx(0.6)
    assert file.provenance["reweighed"]["of_the_search"] == {"w": -0.07, "v": -0.05}
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_the_command_prints_the_table_and_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(tmp_path / "a")
    assert main(["--reweigh", "-0.5", "0", "--out", str(tmp_path), "--name", "a"]) == 0
    out = capsys.readouterr().out
    assert "w = -0.5, v = 0" in out
    assert out.rstrip().endswith(str(folder / "best-w-0.5-v0.json"))


def test_a_folder_without_a_run_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--reweigh", "-0.5", "0", "--out", str(tmp_path), "--name", "b"]) == 2
    error = capsys.readouterr().err
    assert "there is no such folder of a run" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "b").exists()
