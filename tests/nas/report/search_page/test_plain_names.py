"""Plain names of measurements: every measurement of a candidate has one."""

from nas.report.search_page.plain_names import quantity
from tests.toys.metrics import LATENCY, WHOLE


def test_every_measurement_has_a_name_of_its_own() -> None:
    heads = {name: quantity(name).head for name in [*WHOLE, *LATENCY]}
    assert len(set(heads.values())) == len(heads)
    assert [name for name, head in heads.items() if "_" in head or head.endswith(" s")] == []


def test_a_latency_is_shown_in_milliseconds() -> None:
    shown = quantity("latency_p95_s")
    assert (shown.cell(0.03), shown.unit) == (30.0, "ms")
    assert quantity("latency_spread").cell(0.04) == 4.0
