"""The command that compares runs: what it writes, and what it refuses."""

import shutil
from pathlib import Path

import pytest

from nas.report_command import main
from tests.toys.trained_folder import evaluated, training_folder

GOLDEN = Path(__file__).parents[3] / "golden" / "runs"
HOSTILE = "<img src=x onerror=alert(1)>"


def test_searches_and_trainings_are_compared_and_their_folders_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    searches = [
        shutil.copytree(GOLDEN / name, tmp_path / name) for name in ("full", "progressive")
    ]
    training = training_folder(tmp_path / HOSTILE)
    evaluated(training)
    folders = [*searches, training]
    before = [sorted(path.name for path in folder.iterdir()) for folder in folders]
    assert main([*map(str, folders), str(searches[0])]) == 0  # one of them is named twice
    assert capsys.readouterr().out == "compare.html\n"
    page = (tmp_path / "compare.html").read_text()
    assert "Comparison of 2 searches and 1 training" in page
    assert "progressive.rungs" in page  # a setting that differs
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert HOSTILE not in page
    assert [sorted(path.name for path in folder.iterdir()) for folder in folders] == before


def test_the_file_of_the_comparison_can_be_named(tmp_path: Path) -> None:
    one, two = (training_folder(tmp_path / name) for name in ("one", "two"))
    out = tmp_path / "both.html"
    assert main([str(one), "--run", str(two), "--out", str(out)]) == 0
    assert "Comparison of 2 trainings" in out.read_text()


def test_what_holds_no_run_is_named_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.html"
    training = training_folder(tmp_path / "one")
    assert main([str(training), str(tmp_path / "nothing"), "--out", str(out)]) == 2
    message = "nothing: there is no such folder of a run"
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_flags_of_one_run_and_of_several_do_not_mix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (str(training_folder(tmp_path / name)) for name in ("one", "two"))
    for words, message in (
        ([one, "--out", str(tmp_path / "a.html")], "--out is the file of a comparison"),
        ([one, two, "--png", str(tmp_path / "a.png")], "--png takes the figure of one run, got 2"),
        ([], "name the folder of a run"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main(words)
        assert message in capsys.readouterr().err
