"""The HTML report is self-contained, well-formed and escaped."""

import html
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nas.analysis.ranking import ranked
from nas.finalists.finalists import finalist_trainings, judge_finalists
from nas.report.search_page.page import report_page, write_report
from nas.report.search_page.search_run import SearchRun
from tests.nas.nas_records import failed, infeasible, run_files, trained
from tests.nas.report.search_page.searches import search
from tests.toys.metrics import with_metrics


class _Tags(HTMLParser):
    """Collects the resources that a page loads, and checks that tags are closed."""

    VOID = frozenset({"meta", "br", "link", "img", "use", "path", "rect", "line", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.scripts = 0  # that are executed

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "script" and ("type", "application/json") not in attrs:
            self.scripts += 1
        links = [value or "" for name, value in attrs if name in ("src", "href")]
        self.loaded += [link for link in links if not link.startswith("#")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_self_contained_and_well_formed() -> None:
    records = [trained(0, 0.4), trained(1, 0.6, accuracy=0.8, relative=2.0), failed(2)]
    page = report_page(search(records))
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.loaded == []
    assert tags.scripts == 1
    front, everybody = (page.split(f'id="{name}"')[1] for name in ("pareto-front", "candidates"))
    for part in (front, everybody):
        assert part.split("</table>")[0].count('<tr class="best">') == 1


def test_the_page_escapes_names_and_reasons() -> None:
    records = [trained(0, 0.4), failed(1, "<script>alert(1)</script>")]
    page = report_page(search(records, folder=Path("<run>")))
    assert "<script>alert" not in page
    assert "&lt;run&gt;" in page
    assert "a &lt;device&gt; &amp; more" in page


def test_the_page_shows_the_notes_on_the_images(tmp_path: Path) -> None:
    note = "5 of 9 test images are copies of <training> images"
    environment = {"images": {"notes": [note]}}
    (tmp_path / "environment.json").write_text(json.dumps(environment))
    page = report_page(search([trained(0, 0.4)], folder=tmp_path))
    assert f"<li>{html.escape(note)}</li>" in page


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)<|script>", '"><img src=x onerror=alert(1)>', "a -->", "$x_1 \\ {{ 7 }}"],
)
def test_a_run_and_images_of_any_name_have_a_page_without_their_markup(
    tmp_path: Path, name: str
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    files = run_files(folder)
    config = files.config.model_copy(update={"data": name})
    run = SearchRun(files=replace(files, config=config), records=(trained(0, 0.4),))
    page = write_report(run).read_text()
    assert html.unescape(page).count(name) >= 3  # the title, the heading, the images
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.loaded == []
    assert tags.scripts == 1
    assert "<img" not in page


def test_a_run_whose_name_is_not_text_has_a_page_of_utf_8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    page = write_report(search([trained(0, 0.4)], folder=folder)).read_text(encoding="utf-8")
    assert "<h1>Search caf\\udce9</h1>" in page


def test_a_run_without_a_trained_candidate_has_a_page(tmp_path: Path) -> None:
    path = write_report(search([failed(0), infeasible(1)], folder=tmp_path))
    text = path.read_text()
    assert "No candidate was trained" in text
    assert "not finite" in text
    assert re.search(r"0 candidates trained, 1 failed, 1 refused", text)


def test_the_finalists_have_a_table_with_the_winner_marked() -> None:
    records = [trained(0, 0.8), trained(1, 0.7, accuracy=0.6, depth=2)]
    chosen = ranked(records)[:2]
    trainings = finalist_trainings(chosen, seeds=(1, 2), epochs=20)
    tops = {(0, 1): 0.61, (0, 2): 0.65, (1, 1): 0.70, (1, 2): 0.72}
    outcomes = {
        one.file_stem: trained(0, 0.0, accuracy=tops[one.number, one.seed]).outcome
        for one in trainings
    }
    finals = judge_finalists(chosen, trainings, outcomes, w=0.0, v=0.0)
    page = report_page(search(records, finals))
    assert "Winner: candidate 1" in page
    table = page.split('data-name="finalists"')[1].split("</table>")[0]
    winner, other = re.findall("<tr( class=.*?|)>(.*?)</tr>", table)[-2:]
    assert "best" in winner[0]
    assert "best" not in other[0]
    # Standard deviation of two numbers: half their difference times the root of 2.
    assert re.findall(">([^<]*)</td>", winner[1])[3:7] == ["71.00", "1.41", "70.00", "72.00"]
    assert re.findall(">([^<]*)</td>", other[1])[3:7] == ["63.00", "2.83", "61.00", "65.00"]
    assert "rank 2 after the search, but ahead of candidate 0" in page


def test_candidates_at_chance_are_grey_and_cannot_win() -> None:
    guess = with_metrics(trained(0, 0.9), at_chance=True)
    page = report_page(search([guess, trained(1, 0.2)]))
    assert "Winner: candidate 1" in page
    assert page.count('<tr class="chance">') == 1
    assert "better than guessing" in report_page(search([guess]))
