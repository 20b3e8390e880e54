"""The frame of report pages: what is inlined, the security policy, and names as text."""

import base64
import hashlib
import json
import re

import pytest

from nas.report.frame.chart import Axis, Line, Plot, Point, Points, bars, chart_data
from nas.report.frame.page import chart_element, json_element, render_page
from nas.report.frame.table import Column, Row, Table

HOSTILE = ("</script><script>alert(1)</script>", "<!-- <script>", "]]>&amp;", "\u2028\u202e")


def source_of(element: str, page: str) -> str:
    """Return the digest of the page's own element, as a content security policy writes it."""
    content = re.search(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
    assert content
    digest = hashlib.sha256(content[1].encode()).digest()
    return f"{element}-src 'sha256-{base64.b64encode(digest).decode()}'"


def test_the_policy_allows_the_pages_own_style_and_script_and_no_request() -> None:
    page = render_page("frame/frame.html.jinja", title="A run")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = policy[1].replace("&#39;", "'").split("; ")
    assert "default-src 'none'" in rules
    assert source_of("style", page) in rules
    assert source_of("script", page) in rules
    assert not any("unsafe" in rule or "http" in rule for rule in rules)


@pytest.mark.parametrize("name", HOSTILE)
def test_data_in_a_page_cannot_end_its_element(name: str) -> None:
    element = str(json_element("data", {name: [name]}))
    opening = '<script type="application/json" id="data">'
    assert element.startswith(opening)
    content = element.removeprefix(opening).removesuffix("</script>")
    assert not re.search("[<>&\u2028]", content)
    assert json.loads(content) == {name: [name]}


def test_data_that_json_has_no_word_for_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_element("data", float("nan"))


def test_the_title_is_text() -> None:
    page = render_page("frame/frame.html.jinja", title="<b>\x1b[31m")
    assert "<title>&lt;b&gt;\\x1b[31m</title>" in page


def test_cells_have_units_in_the_head_and_are_rounded_only_on_the_page() -> None:
    step = Column(head="step time", unit="ms", digits=1)
    assert step.full_head == "step time (ms)"
    assert step.text(12.345) == "12.3"
    assert step.text(None) == ""
    plain = Column(head="candidate")
    assert plain.full_head == "candidate"
    assert plain.text(1234567) == "1,234,567"
    assert plain.text(0.123456) == "0.1235"
    assert plain.text(True) == "yes"
    assert plain.text("a") == "a"


def test_a_column_is_numeric_if_it_has_no_text() -> None:
    heads = ("number", "text", "both", "none")
    rows = (Row((1, "a", 1, None)), Row((None, "b", "c", None)))
    table = Table(name="t", caption="", columns=tuple(Column(head=h) for h in heads), rows=rows)
    assert table.is_number == (True, False, False, False)


def test_a_table_is_checked() -> None:
    with pytest.raises(ValueError, match="letters, digits and hyphens"):
        Table(name="a b", caption="", columns=(), rows=())
    with pytest.raises(ValueError, match=r"1 cells.*got 2"):
        Table(name="t", caption="", columns=(Column(head="a"),), rows=(Row((1, 2)),))


def test_a_chart_is_plain_data() -> None:
    point = Point(x=1.0, y=2.0, label="<b>", facts=(("a", "b"),), area=3.0)
    chart = Plot(
        name="p",
        title="P",
        x=Axis(label="time", unit="s"),
        y=Axis(label="loss"),
        series=(Points(name="all", points=(point,)), Line(name="l", xy=((0.0, 1.0),))),
    )
    data = json.loads(json.dumps(chart_data(chart)))
    assert data["kind"] == "plot"
    assert data["x"]["unit"] == "s"
    assert [one["kind"] for one in data["series"]] == ["points", "line"]
    assert data["series"][0]["points"][0]["facts"] == [["a", "b"]]
    assert data["series"][1]["xy"] == [[0.0, 1.0]]


def test_texts_of_a_chart_are_visible() -> None:
    chart = Plot(name="p", title="a\x1b", x=Axis(label="x"), y=Axis(label="\u202ey"), series=())
    element = str(chart_element(chart))
    assert r"a\\x1b" in element
    assert r"\\u202ey" in element


def test_bars_begin_at_zero() -> None:
    up, down = bars([("up", 2.0, ()), ("down", -1.0, ())])
    assert (up.spans[0].start, up.spans[0].end) == (0.0, 2.0)
    assert (down.spans[0].start, down.spans[0].end) == (-1.0, 0.0)
