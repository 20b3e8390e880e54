"""The page of a search in a browser: widths, sorting, searching, sliders, charts, names."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.analysis.ranking import ranked
from nas.candidate import Record
from nas.finalists.finalists import finalist_trainings, judge_finalists
from nas.report.outputs import rerank
from nas.report.search_page.page import write_report
from nas.report.search_page.search_run import SearchRun
from tests.nas.nas_records import failed, run_files, trained
from tests.toys.browser import Watched, headless_chromium, opened
from tests.toys.metrics import with_metrics

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = f"<img src=x onerror=alert(1)>{'W' * 120}"  # and too long for one line
REASON = "</script><script>alert(2)</script>"
# Accuracy, step time and parameters in relation to the reference network's.
MEASURED = (
    *((0.80, 1.0, 1.0), (0.86, 2.0, 0.5), (0.70, 0.25, 0.25), (0.91, 3.0, 4.0)),
    *((0.60, 0.2, 0.1), (0.83, 0.9, 2.0), (0.75, 0.5, 0.5), (0.88, 1.5, 3.0)),
    *((0.81, 1.1, 0.9), (0.79, 0.7, 1.1)),
)


def record(number: int, accuracy: float, step_time: float, params: float) -> Record:
    made = trained(number, 0.0, accuracy=accuracy, relative=step_time, depth=1 + number % 3)
    sized = with_metrics(made, relative_params=params, num_params=int(100_000 * params))
    return replace(sized, outcome=sized.outcome.with_reward(w=-0.07, v=-0.05))


RECORDS = tuple(record(number, *measured) for number, measured in enumerate(MEASURED))


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with headless_chromium() as started:
        yield started


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a search of a hostile name, with finalists and a failed candidate."""
    folder = tmp_path_factory.mktemp("runs") / HOSTILE
    folder.mkdir()
    chosen = ranked(RECORDS)[:2]
    trainings = finalist_trainings(chosen, seeds=(1, 2), epochs=20)
    outcomes = {one.file_stem: trained(0, 0.0, accuracy=0.8).outcome for one in trainings}
    finals = judge_finalists(chosen, trainings, outcomes, w=-0.07, v=-0.05)
    records = (*RECORDS, failed(len(RECORDS), REASON))
    return write_report(SearchRun(files=run_files(folder), records=records, finals=finals))


@pytest.fixture(scope="module")
def wide(browser: "Browser", report: Path) -> Iterator[Watched]:
    with opened(browser, report) as watched:
        yield watched


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_fits_the_window_and_asks_for_nothing(
    browser: "Browser", report: Path, width: int
) -> None:
    with opened(browser, report, width, color_scheme="dark") as watched:
        assert not watched.scrolls_sideways
        assert watched.page.locator("figure.chart svg[role=group]").count() >= 4
        assert watched.complaints == []
        assert watched.requests == [report.as_uri()]


def test_names_are_text(wide: Watched) -> None:
    assert wide.page.locator("h1").inner_text() == f"Search {HOSTILE}"
    assert wide.page.title() == f"Search {HOSTILE}"
    assert REASON in wide.page.locator("#failures").inner_text()
    assert wide.page.locator("img").count() == 0
    assert wide.complaints == []


def column(watched: Watched, table: str, head: str) -> list[str]:
    """Return the texts of a column of the rows that are shown, from top to bottom."""
    heads = watched.page.locator(f"#{table} thead th")
    index = [text.split("\n")[0].strip() for text in heads.all_inner_texts()].index(head) + 1
    cells = watched.page.locator(f"#{table} tbody tr:not([hidden]) td:nth-child({index})")
    return cells.all_inner_texts()


def test_a_table_is_sorted_by_a_click_and_by_the_keyboard(wide: Watched) -> None:
    head = wide.page.locator("#candidates th button", has_text="step time / reference")
    numbers = [f"{step_time:.3f}" for _, step_time, _ in MEASURED]
    head.click()
    assert head.locator("..").get_attribute("aria-sort") == "descending"
    found = column(wide, "candidates", "step time / reference x")
    assert found == [*sorted(numbers, key=float, reverse=True), ""]
    head.press("Enter")
    assert head.locator("..").get_attribute("aria-sort") == "ascending"
    found = column(wide, "candidates", "step time / reference x")
    assert found == [*sorted(numbers, key=float), ""]  # the failed candidate has none


def test_a_table_is_searched_for_all_words(wide: Watched) -> None:
    search = wide.page.locator("#candidates input[type=search]")
    search.fill("TRAINED front")
    notes = column(wide, "candidates", "note")
    assert notes
    assert all("Pareto front" in note for note in notes)
    assert wide.page.locator("#candidates .shown").inner_text() == f"{len(notes)} of 11 rows"
    search.fill("")
    assert wide.page.locator("#candidates .shown").inner_text() == "11 rows"


def test_a_table_is_saved_with_units_and_unrounded_numbers(wide: Watched, tmp_path: Path) -> None:
    with wide.page.expect_download() as download:
        wide.page.locator("#candidates button", has_text="CSV").click()
    assert download.value.suggested_filename == "candidates.csv"
    download.value.save_as(tmp_path / "saved.csv")
    with (tmp_path / "saved.csv").open(newline="") as file:
        rows = {row["candidate"]: row for row in csv.DictReader(file)}
    assert len(rows) == 11
    assert float(rows["1"]["accuracy in the search (%)"]) == pytest.approx(86)
    assert float(rows["0"]["reward"]) == RECORDS[0].outcome.reward
    assert rows["0"]["device"] == "a <device> & more"
    assert rows["10"]["reason"] == REASON
    assert rows["10"]["state"] == "failed"


@pytest.mark.parametrize(("w", "v"), [(-0.5, -0.05), (-0.07, -0.8), (0.0, 0.0), (-0.07, -0.05)])
def test_sliders_rank_as_python_does(wide: Watched, w: float, v: float) -> None:
    box = wide.page.locator(".reweigh")
    for name, value in (("w", w), ("v", v)):
        box.locator(f"input[type=range][name={name}]").fill(str(value))
        assert float(box.locator(f"input[type=number][name={name}]").input_value()) == value
    expected = rerank(RECORDS, w=w, v=v)
    rows = [row.split("\t") for row in box.locator("tbody tr").all_inner_texts()]
    assert [row[1] for row in rows] == [str(one.candidate.number) for one in expected[:8]]
    assert [row[2] for row in rows] == [f"{one.outcome.reward:.4f}" for one in expected[:8]]
    leader = expected[0].candidate.number
    assert f"Candidate {leader} leads" in box.locator(".reweighed").inner_text()
    assert box.locator("code").inner_text().endswith(f"--reweigh {w:g} {v:g}")


def test_the_leader_for_other_exponents_is_marked_in_the_charts(wide: Watched) -> None:
    box = wide.page.locator(".reweigh")
    marks = wide.page.locator("#accuracy-step-time rect.f-three[data-number]")
    box.locator("button.reset").click()
    assert marks.count() == 0
    box.locator("input[type=number][name=w]").fill("0")
    box.locator("input[type=number][name=v]").fill("0")
    assert marks.count() == 1  # by accuracy alone, candidate 3
    assert marks.get_attribute("data-number") == "3"
    box.locator("button.reset").click()
    assert marks.count() == 0


def test_areas_of_circles_are_proportional_to_parameters(wide: Watched) -> None:
    circles = wide.page.locator("#accuracy-step-time circle.mark")
    radius = {
        int(one.get_attribute("data-number") or -1): float(one.get_attribute("r") or 0)
        for one in circles.all()
        if one.get_attribute("data-number")
    }
    # Parameters of candidates 3, 0 and 2: 4, 1 and 0.25 of the reference network's.
    assert radius[3] / radius[0] == pytest.approx(2, rel=0.01)
    assert radius[0] / radius[2] == pytest.approx(2, rel=0.01)


def test_the_keyboard_reaches_every_point_of_a_chart(wide: Watched) -> None:
    chart = wide.page.locator("#reward-candidates")
    stops = chart.locator("[tabindex='0']")
    assert stops.count() == 1
    stops.focus()
    assert chart.locator(".tip").inner_text().startswith("candidate 0")
    wide.page.keyboard.press("ArrowRight")
    note = chart.locator(".tip").inner_text()
    assert note.startswith("candidate 1")
    assert "86.00 %" in note
    wide.page.keyboard.press("Escape")
    assert not chart.locator(".tip").is_visible()


def test_a_touch_shows_the_note_of_the_nearest_point(browser: "Browser", report: Path) -> None:
    with opened(browser, report, 390, has_touch=True, is_mobile=True) as watched:
        point = watched.page.locator("#reward-candidates [data-number='4']")
        point.scroll_into_view_if_needed()
        box = point.bounding_box()
        assert box is not None
        watched.page.touchscreen.tap(box["x"] + box["width"] / 2 + 6, box["y"] + 6)
        tip = watched.page.locator("#reward-candidates .tip")
        assert tip.inner_text().startswith("candidate 4")
        edges = tip.bounding_box()
        assert edges is not None
        assert edges["x"] >= 0
        assert edges["x"] + edges["width"] <= 390


def test_tables_are_complete_without_javascript(browser: "Browser", report: Path) -> None:
    with opened(browser, report, 390, java_script_enabled=False) as watched:
        assert watched.page.locator("#candidates tbody tr").count() == 11
        assert watched.page.locator("#candidates tbody tr").first.is_visible()
        assert "need JavaScript" in watched.page.locator("noscript").first.inner_text()
        hidden = watched.page.locator("#candidates td.m").first
        assert not hidden.is_visible()
        watched.page.locator("#candidates .more-columns").check()
        assert hidden.is_visible()


def test_paper_has_the_main_columns_of_every_table(browser: "Browser", report: Path) -> None:
    with opened(browser, report, 700) as watched:  # an A4 sheet within its margins
        watched.page.locator("#candidates .more-columns").check()
        watched.page.emulate_media(media="print")
        assert not watched.scrolls_sideways
        tables = watched.page.locator(".table table")
        for table in tables.all():
            box = table.bounding_box()
            assert box is None or box["x"] + box["width"] <= 700
        note = watched.page.locator("#candidates .on-paper")
        assert note.inner_text().startswith("Printed: 9 of ")
        assert watched.page.locator("#candidates .tools").is_hidden()
        # Chromium repeats the heads on each sheet only if they have no button's box.
        button = watched.page.locator("#candidates th button").first
        assert button.evaluate("(one) => getComputedStyle(one).display") == "contents"


def test_what_is_folded_is_printed(browser: "Browser", report: Path) -> None:
    with opened(browser, report) as watched:
        table = watched.page.locator("#stages")
        assert not table.is_visible()
        watched.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert table.is_visible()
        watched.page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert not table.is_visible()
