"""The page of a training: its parts, names as text, pictures, and the command that writes it."""

import re
from pathlib import Path

import pytest

from nas.report.training_page.page import training_page
from nas.report.training_page.reading import read_training
from nas.report_command import main
from tests.toys.trained_folder import decoded_pets, evaluated, training_folder

HOSTILE = "<img src=x onerror=alert(1)>"


def page_of(folder: Path) -> str:
    return training_page(read_training(folder))


def test_a_finished_training_has_its_curves_mistakes_and_next_commands(tmp_path: Path) -> None:
    images = decoded_pets(tmp_path)
    folder = training_folder(tmp_path / "run")
    evaluated(folder, cache=images.path, content=images.content)
    page = page_of(folder)
    assert "finished" in page
    assert "62.50 %" in page
    assert page.count('<img src="data:image/png;base64,') == 3  # one for each mistake
    assert page.count('<figure class="chart"') == 5  # four curves and the reliability
    assert f"nas-predict --model {folder} IMAGES" in page
    assert "val/dog/4.png" in page
    assert "The shaded stretches are the phases" in page


def test_without_the_decoded_images_the_mistakes_are_listed(tmp_path: Path) -> None:
    folder = training_folder(tmp_path / "run")
    evaluated(folder)
    page = page_of(folder)
    assert "The decoded images are no longer in /no/such/cache" in page
    assert "val/dog/4.png" in page
    assert "data:image" not in page.partition("<body>")[2]


def test_names_of_runs_classes_and_files_are_text(tmp_path: Path) -> None:
    names = (f"{HOSTILE}cat", "</table><b>dog\x1b[1m")
    folder = training_folder(tmp_path / f"run {HOSTILE.replace('/', '')}")
    evaluated(folder, names=names, origin="val/</li><script>{index}</script>.png")
    (folder / "export").mkdir()
    (folder / "export" / HOSTILE).write_bytes(b"1")
    page = page_of(folder)
    content = page.partition("<body>")[2]
    assert HOSTILE not in page
    assert "<b>dog" not in page
    assert "<script>4" not in page
    assert "\x1b" not in page
    assert content.count("&lt;img src=x onerror=alert(1)&gt;cat") >= 4
    assert "val/&lt;/li&gt;&lt;script&gt;4&lt;/script&gt;.png" in content


def test_a_running_training_says_how_far_it_is(tmp_path: Path) -> None:
    page = page_of(training_folder(tmp_path / "run", rows=2, finished=False))
    assert "stopped, step 20 of 40" in page
    assert "nas-predict" not in page


def test_a_training_that_has_just_begun_has_a_page(tmp_path: Path) -> None:
    page = page_of(training_folder(tmp_path / "run", rows=0, finished=False))
    assert "step 0 of 40" in page
    assert '<figure class="chart"' not in page


def test_the_command_writes_the_page_into_the_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = training_folder(tmp_path / "run")
    assert main([str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    page = (folder / "report.html").read_text()
    assert re.search(r"Written 20\d\d-\d\d-\d\d \d\d:\d\d UTC by nas-report", page)


def test_the_command_names_damage_and_refuses_a_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = training_folder(tmp_path / "run")
    assert main([str(folder), "--png", str(tmp_path / "a.png")]) == 2
    assert "its figure is training.png in that folder" in capsys.readouterr().err
    (folder / "metrics.csv").write_text("step\n1\n")
    assert main(["--run", str(folder)]) == 2
    assert "metrics.csv, row 2: it is damaged" in capsys.readouterr().err
    assert not (folder / "report.html").exists()
