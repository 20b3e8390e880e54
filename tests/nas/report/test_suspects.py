"""The section on images that every network gets wrong: counts, order, pictures, names as text."""

import re
import shutil
from pathlib import Path
from typing import Any

from nas.finalists.finalist_round import FinalistRound
from nas.finalists.predictions import FinalistPredictions
from nas.report.outputs import rebuild_report
from nas.report.suspects import suspects_section
from nas.run_folder.opening import read_run
from tests.toys.predictions import network
from tests.toys.trained_folder import decoded_pets

TWO = FinalistPredictions(
    found=(network({0: 0.6, 1: 0.7, 3: 0.8}), network({0: 0.8, 3: 0.9}, held_out=5)), missing=0
)
IMAGES: dict[str, Any] = {"classes": ["cat", "dog"], "counts": {"train": 8}}


def test_a_run_without_predictions_has_no_section() -> None:
    assert suspects_section(FinalistPredictions(found=(), missing=6), IMAGES) is None


def test_what_every_network_gets_wrong_is_shown_the_surest_first(tmp_path: Path) -> None:
    pets = decoded_pets(tmp_path)
    section = suspects_section(TWO, {**IMAGES, "folder": str(pets.path), "content": pets.content})
    assert section is not None
    text = str(section.body)
    # 5 images were held out from both; 1 was right once; 0 and 3 are wrong twice.
    assert "5 of 8 training images" in text
    assert "and 2 of these are predicted" in text
    assert re.findall(r'alt="([^"]*)"', text) == ["train/cat/3.png", "train/cat/0.png"]
    assert text.count('src="data:image/png;base64,') == 2
    assert '<span class="share">85.0 %</span></dd><dt>by</dt><dd>2 networks</dd>' in text


def test_without_the_decoded_images_positions_are_shown() -> None:
    gone = suspects_section(TWO, {**IMAGES, "folder": "/no/such/cache"})
    assert gone is not None
    assert "no longer in /no/such/cache" in str(gone.body)
    assert "image 3" in str(gone.body)
    assert "data:image" not in str(gone.body)


def test_missing_and_damaged_files_are_said() -> None:
    some = FinalistPredictions(found=TWO.found, missing=4, damaged=("a.pt: damaged",))
    section = suspects_section(some, IMAGES)
    assert section is not None
    assert "4 further trainings left no predictions" in str(section.body)
    assert "Passed over: a.pt: damaged" in str(section.body)


def test_names_are_text() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    section = suspects_section(TWO, {**IMAGES, "classes": [hostile, "</li>"]})
    assert section is not None
    assert hostile not in str(section.body)
    assert "&lt;img src=x onerror=alert(1)&gt;" in str(section.body)


def test_networks_that_disagree_are_counted() -> None:
    third = network({0: 0.5})
    third.predicted[0] = 2
    section = suspects_section(
        FinalistPredictions(found=(*TWO.found, third), missing=0),
        {**IMAGES, "classes": ["cat", "dog", "fox"]},
    )
    assert section is not None
    assert "dog (2), fox (1)" in str(section.body)


def test_nothing_suspicious_is_said_without_a_table() -> None:
    section = suspects_section(FinalistPredictions(found=(network({}),) * 2, missing=0), IMAGES)
    assert section is not None
    assert "0 of these are predicted" in str(section.body)
    assert "<table>" not in str(section.body)


def test_the_report_of_a_run_has_the_section_once_predictions_are_there(tmp_path: Path) -> None:
    golden = Path(__file__).parents[2] / "golden" / "runs" / "full"
    folder = Path(shutil.copytree(golden, tmp_path / "golden-full"))
    (report,) = rebuild_report(folder)
    assert "Likely label errors" not in report.read_text()  # an earlier version kept none
    run = read_run(folder)
    last = FinalistRound.of_run(folder, run.files.config, run.run_id)
    last.predictions.folder.mkdir()
    first, second = last.trainings(run.records)  # of two finalists, with one seed
    last.predictions.save(first, network({0: 0.6, 3: 0.8}))
    rebuild_report(folder)
    assert "1 further training left no predictions" in report.read_text()
    last.predictions.save(second, network({3: 0.9}))
    rebuild_report(folder)
    page = report.read_text()
    assert "and 1 of these is predicted wrong by every network" in page
    assert "image 3" in page
    assert "left no predictions" not in page
