"""Charts of step times: spread with the accepted one, predicted against measured."""

import pytest

from nas.report.frame.chart import Line, Points
from nas.report.search_page.step_times import prediction_plot, spread_plot
from tests.nas.nas_records import failed, trained
from tests.nas.report.search_page.searches import search
from tests.toys.metrics import with_metrics


def test_timings_above_the_accepted_spread_are_apart() -> None:
    calm = with_metrics(trained(0, 0.5), timing_spread=0.03)
    wide = with_metrics(trained(1, 0.5), timing_spread=0.25, timing_wide_spread=True)
    plot = spread_plot(search([calm, wide, failed(2)]))
    assert plot is not None
    spreads = {one.name: one.points for one in plot.series if isinstance(one, Points)}
    assert [point.y for point in spreads["candidate"]] == [3.0]
    assert [
        point.y for point in spreads["above it, of the candidate or of the reference network"]
    ] == [25.0]
    (limit,) = (one.xy for one in plot.series if isinstance(one, Line))
    assert [y for _, y in limit] == [10.0, 10.0]  # the default of --max-spread


def test_predictions_are_drawn_with_their_errors() -> None:
    exact = with_metrics(trained(0, 0.5, relative=2.0), predicted_relative_step_time=2.0)
    low = with_metrics(trained(1, 0.5, relative=1.0), predicted_relative_step_time=0.9)
    plot = prediction_plot(search([exact, low, trained(2, 0.5)]))
    assert plot is not None
    (points,) = (one.points for one in plot.series if isinstance(one, Points))
    assert [(point.x, point.y) for point in points] == [(2.0, 2.0), (1.0, 0.9)]
    assert [dict(point.facts)["error"] for point in points] == ["+0.0 %", "-10.0 %"]
    (diagonal,) = (one.xy for one in plot.series if isinstance(one, Line))
    assert diagonal == ((0.9, 0.9), (2.0, 2.0))


@pytest.mark.parametrize("plot", [spread_plot, prediction_plot])
def test_without_timings_there_is_no_chart(plot: object) -> None:
    assert callable(plot)
    assert plot(search([failed(0)])) is None
