"""A report is drawn from what a folder holds, and says in one line what is wrong with it."""

from pathlib import Path

import pytest
import yaml

from nas.candidate import Outcome
from nas.cli import report_main
from nas.engine.events import Asked, Told
from nas.engine.ledger import Ledger
from nas.run_folder.opening import opened_run_folder
from tests.nas.nas_records import CONFIG, TINY, trained


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of one trained candidate, whose mirror is not on this machine."""
    settings = {**CONFIG.model_dump(mode="json"), "mirror": "/nowhere/at/all.log"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings))
    record = trained(0, 0.5)
    with Ledger(tmp_path / "ledger.jsonl", {}) as ledger:
        ledger.append(Asked(**record.candidate.to_dict()), Told(number=0, outcome=record.outcome))
    return tmp_path


def test_a_report_needs_no_mirror(run: Path) -> None:
    assert report_main(["--run", str(run), "--png", str(run / "a.png")]) == 0
    assert TINY.name in (run / "report.html").read_text()


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("config.yaml", "w: 3\n", "config.yaml is damaged: "),
        ("config.yaml", "- 3\n", "must hold settings by name"),
        ("ledger.jsonl", '{"event":"told","number":7,"outcome":{}}\n', "line 5 is damaged"),
    ],
)
def test_damage_is_one_line(
    run: Path, file: str, text: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with (run / file).open("a" if file == "ledger.jsonl" else "w") as damaged:
        damaged.write(text)
    assert report_main(["--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert "pydantic" not in error


def test_a_figure_that_is_no_png_is_refused(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report_main(["--run", str(run), "--png", str(run / "a.svg")]) == 2
    assert "--png must name a file that ends in .png" in capsys.readouterr().err
    assert not (run / "a.svg").exists()


def test_a_folder_that_another_search_holds_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "a"
    with (
        pytest.raises(ValueError, match="is being searched by process"),
        opened_run_folder(folder),
        Ledger(folder / "ledger.jsonl", {}),
        Ledger(folder / "ledger.jsonl", {}),
    ):
        pass
    assert (folder / "ledger.jsonl").exists()
    with pytest.raises(ValueError, match="a bad setting"), opened_run_folder(tmp_path / "b"):
        raise ValueError("a bad setting")
    assert not (tmp_path / "b").exists()


def test_a_new_folder_in_which_a_candidate_ended_stays_whatever_breaks(tmp_path: Path) -> None:
    folder, moved = tmp_path / "a", tmp_path / "moved"

    def break_after_a_candidate() -> None:
        with opened_run_folder(folder), Ledger(folder / "ledger.jsonl", {}) as ledger:
            ledger.append(Told(number=0, outcome=Outcome.failed("NaN")))
            (folder / "results").rmdir()  # by somebody who cleans up
            raise OSError("a worker's file")

    def break_after_a_move() -> None:
        with opened_run_folder(tmp_path / "b"):
            (tmp_path / "b").rename(moved)
            raise OSError("no such folder")

    with pytest.raises(OSError, match="a worker's file"):
        break_after_a_candidate()
    assert (folder / "ledger.jsonl").exists()
    with pytest.raises(OSError, match="no such folder"):
        break_after_a_move()
    assert moved.exists()
