"""The report: the front by hand, and a page that stands alone and escapes what it shows."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nas.report.figures import search_figure
from nas.report.front import pareto_front
from nas.report.page import report_page, write_report
from tests.nas.nas_records import CONFIG, TINY, failed, infeasible, trained


def test_the_front_by_hand() -> None:
    records = [
        trained(0, 0.1, accuracy=0.50, relative=1.0),  # on it: the fastest
        trained(1, 0.1, accuracy=0.49, relative=1.5),  # slower and worse than 0
        trained(2, 0.1, accuracy=0.70, relative=2.0),  # on it
        trained(3, 0.1, accuracy=0.70, relative=2.5),  # as good as 2, but slower
        trained(4, 0.1, accuracy=0.90, relative=4.0),  # on it
        trained(5, 0.1, accuracy=0.90, relative=4.0),  # equal to 4, and later
        failed(6),
    ]
    assert [record.candidate.number for record in pareto_front(records)] == [0, 2, 4]


class _Tags(HTMLParser):
    """Collects what a page loads from elsewhere, and checks that tags are closed."""

    VOID = frozenset({"meta", "br", "link", "img", "use", "path", "rect", "line"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_stands_alone_and_is_well_formed() -> None:
    records = [trained(0, 0.4), trained(1, 0.6, accuracy=0.8, relative=2.0), failed(2)]
    page = report_page("run", records, CONFIG, TINY)
    tags = _Tags()
    tags.feed(page)
    assert tags.open == []
    assert tags.loaded == []
    assert "<svg" in page
    assert page.count('<tr class="best">') == 1


def test_the_page_escapes_names_and_reasons() -> None:
    records = [trained(0, 0.4), failed(1, "<script>alert(1)</script>")]
    page = report_page("<run>", records, CONFIG, TINY)
    assert "<script>" not in page
    assert "&lt;run&gt;" in page
    assert "a &lt;device&gt; &amp; more" in page


def test_a_run_without_a_trained_candidate_still_has_a_page(tmp_path: Path) -> None:
    path = write_report(tmp_path, [failed(0), infeasible(1)], CONFIG, TINY)
    text = path.read_text()
    assert "No candidate was trained" in text
    assert "not finite" in text
    assert re.search(r"0 candidates trained, 1 failed, 1 refused", text)


def test_a_figure_needs_a_trained_candidate() -> None:
    with pytest.raises(ValueError, match="at least one trained candidate"):
        search_figure([failed(0)], "run")
