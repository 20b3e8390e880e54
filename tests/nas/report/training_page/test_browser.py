"""The pages of a training and of a comparison in a browser: widths, pictures, names, printing."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from nas.finalists.predictions import FinalistPredictions
from nas.report.search_page.page import write_report
from nas.report.search_page.search_run import SearchRun
from nas.report.suspects import suspects_section
from nas.report.training_page.page import write_training_report
from nas.report_command import main
from tests.nas.nas_records import run_files, trained
from tests.toys.browser import Watched, headless_chromium, opened
from tests.toys.predictions import network
from tests.toys.trained_folder import decoded_pets, evaluated, training_folder

if TYPE_CHECKING:
    from playwright.sync_api import Browser

GOLDEN = Path(__file__).parents[3] / "golden" / "runs"
HOSTILE = "<img src=x onerror=alert(1)>"
NAMES = ("</script><script>alert(2)</script>", "a class with a name that is much longer than most")
WIDTHS = (390, 768, 1280)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with headless_chromium() as started:
        yield started


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished training of a hostile name on classes of hostile names, with a report."""
    root = tmp_path_factory.mktemp("runs")
    pets = decoded_pets(root)
    folder = training_folder(root / HOSTILE)
    origin = "val/{index}/" + "x" * 60 + HOSTILE
    evaluated(folder, names=NAMES, cache=pets.path, content=pets.content, origin=origin)
    write_training_report(folder)
    return folder


@pytest.fixture(scope="module")
def wide(browser: "Browser", folder: Path) -> Iterator[Watched]:
    with opened(browser, folder / "report.html") as watched:
        yield watched


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_the_window_and_asks_for_nothing(
    browser: "Browser", folder: Path, width: int
) -> None:
    report = folder / "report.html"
    with opened(browser, report, width, color_scheme="dark" if width == 390 else "light") as page:
        assert not page.scrolls_sideways
        assert page.page.locator("figure.chart svg[role=group]").count() == 5
        assert page.complaints == []
        assert [url for url in page.requests if not url.startswith("data:")] == [report.as_uri()]


def test_pictures_of_mistakes_are_shown(wide: Watched) -> None:
    sizes = wide.page.eval_on_selector_all(
        ".gallery img", "all => all.map(one => [one.naturalWidth, one.naturalHeight])"
    )
    assert sizes == [[16, 16]] * 3


def test_names_are_text(wide: Watched) -> None:
    page = wide.page
    assert page.locator("h1").inner_text().startswith(f"Training {HOSTILE}")
    assert page.locator(".heat tbody th").first.inner_text() == NAMES[0]
    assert page.locator(".gallery .origin").first.inner_text().endswith(HOSTILE)
    assert page.locator("img[src=x]").count() == 0


def test_phases_are_bands_with_notes(wide: Watched) -> None:
    bands = wide.page.locator("#accuracy .band")
    assert bands.count() == 2
    assert "24 px" in (bands.nth(1).get_attribute("aria-label") or "")


def test_the_areas_of_the_legend_are_whole_numbers_of_images(wide: Watched) -> None:
    legend = wide.page.locator("#reliability-validation .legend")
    # Both circles stand for 4 images: the legend shows 4 and 1, and no quarter of an image.
    assert legend.locator("li").all_inner_texts()[-2:] == ["area: images, 4", "1"]


def test_charts_over_the_same_epochs_have_the_same_ticks(wide: Watched) -> None:
    ticks = [
        wide.page.locator(f"#{name} svg[role=group] text[text-anchor=middle]").all_text_contents()
        for name in ("accuracy", "loss", "learning-rate", "speed")
    ]
    assert ticks[0][-1] == "epoch"
    assert ticks == [ticks[0]] * 4


def test_numbers_are_readable_on_every_shade(browser: "Browser", folder: Path) -> None:
    """Contrast of at least 4.5 (WCAG 2.2, 1.4.3), in the light and in the dark scheme."""
    contrasts = """() => {
      const channels = (text) => {
        const context = document.createElement("canvas").getContext("2d");
        context.fillStyle = text;
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
      };
      const light = (text) => {
        const [r, g, b] = channels(text).map((value) => {
          const share = value / 255;
          return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const cell = document.querySelector(".heat td:not(.zero)");
      const found = [];
      for (const kind of ["r", "w"]) {
        for (let level = 1; level <= 10; level += 1) {
          cell.className = kind + level;
          const style = getComputedStyle(cell);
          const pair = [light(style.color), light(style.backgroundColor)].sort((a, b) => b - a);
          found.push((pair[0] + 0.05) / (pair[1] + 0.05));
        }
      }
      return found;
    }"""
    for scheme in ("light", "dark"):
        with opened(browser, folder / "report.html", color_scheme=scheme) as watched:
            found = watched.page.evaluate(contrasts)
            assert len(found) == 20
            assert min(found) >= 4.5, scheme


def test_a_comparison_fits_the_window_and_asks_for_nothing(
    browser: "Browser", folder: Path, tmp_path: Path
) -> None:
    search = shutil.copytree(GOLDEN / "full", tmp_path / "full")
    out = tmp_path / "compare.html"
    runs = (folder, training_folder(tmp_path / "b"), search)
    assert main([*map(str, runs), "--out", str(out)]) == 0
    for width in WIDTHS:
        with opened(browser, out, width) as watched:
            assert not watched.scrolls_sideways
            assert watched.complaints == []
            assert watched.requests == [out.as_uri()]
            assert watched.page.locator("figure.chart svg[role=group]").count() == 5
            assert HOSTILE in watched.page.locator("#trainings").inner_text()


def test_likely_label_errors_fit_the_window(browser: "Browser", tmp_path: Path) -> None:
    pets = decoded_pets(tmp_path, names=("a class with a very long name" * 2, NAMES[0][2:9]))
    images = {"classes": ["x" * 70, HOSTILE], "counts": {"train": 8}, "folder": str(pets.path)}
    networks = (network({0: 0.6, 5: 0.9}, 6), network({0: 0.7, 5: 0.8}, 6))
    section = suspects_section(FinalistPredictions(found=networks, missing=0), images)
    assert section is not None
    (tmp_path / "run").mkdir()
    search = SearchRun(files=run_files(tmp_path / "run"), records=(trained(0, 0.5),))
    report = write_report(search, [section])
    for width in WIDTHS:
        with opened(browser, report, width) as watched:
            assert not watched.scrolls_sideways
            assert watched.complaints == []
            said = watched.page.locator("#label-errors .gallery dd b").all_inner_texts()
            assert said == ["x" * 70, HOSTILE] * 2
