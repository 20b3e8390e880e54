"""nas-report: the run as an argument, and errors of its arguments."""

import shutil
from pathlib import Path

import pytest

from nas.report_command import main

RUNS = Path(__file__).parents[1] / "golden" / "runs"


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Return copies of two runs."""
    full, progressive = (
        Path(shutil.copytree(RUNS / name, tmp_path / name)) for name in ("full", "progressive")
    )
    return full, progressive


@pytest.mark.parametrize("flag", [[], ["--run"]])
def test_the_run_is_an_argument_or_a_flag(
    runs: tuple[Path, Path], flag: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = runs
    assert main([*flag, str(run)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(run / "report.html")]
    assert "<title>Search full</title>" in (run / "report.html").read_text()


def test_the_folder_may_be_the_current_one(
    runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs[0])
    assert main(["."]) == 0
    page = Path("report.html").read_text()
    assert "<title>Search full</title>" in page
    assert "--name full" in page


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "name the folder of a run, such as runs/NAME"),
        (["{0}", "{1}", "--png", "a.png"], "--png takes the figure of one run, got 2 runs"),
        (["{0}/results"], "results holds no run"),
        (["{0}/reslts"], "reslts: there is no such folder of a run"),
    ],
)
def test_wrong_arguments_are_one_line(
    runs: tuple[Path, Path],
    words: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert _code([word.format(*runs) for word in words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def _code(words: list[str]) -> object:
    try:
        return main(words)
    except SystemExit as stop:
        return stop.code
