"""Charts of the course of a search: the best reward over candidates and over device time."""

from dataclasses import replace

from nas.candidate import Record
from nas.report.frame.chart import Line, Plot
from nas.report.search_page.course import device_time_plot, rewards_plot
from tests.nas.nas_records import failed, trained
from tests.nas.report.search_page.searches import search
from tests.toys.metrics import with_metrics

FAST = trained(0, 0.70, accuracy=0.7, relative=0.5)
GOOD = trained(1, 0.80, accuracy=0.8, relative=1.0)
SLOW = trained(2, 0.75, accuracy=0.75, relative=2.0)


def line(plot: Plot, name: str) -> tuple[tuple[float, float], ...]:
    return next(one.xy for one in plot.series if isinstance(one, Line) and one.name == name)


def test_the_best_reward_rises_over_the_candidates() -> None:
    plot = rewards_plot(search([SLOW, GOOD, FAST]))
    assert line(plot, "best so far") == ((0.0, 0.70), (1.0, 0.80), (2.0, 0.80))


def test_device_time_is_that_of_all_candidates_until_then() -> None:
    def ended(record: Record, time: float, seconds: float) -> Record:
        return replace(with_metrics(record, device_seconds=seconds), time=time)

    lost = failed(3)
    plot = device_time_plot(search([ended(FAST, 30, 5.0), lost, ended(GOOD, 10, 7.0)]))
    assert plot is not None
    # Candidate 1 ended first, after 7 s; candidate 0 then, after 7 + 5 s.
    assert line(plot, "best so far") == ((7.0, 0.80), (12.0, 0.80))
    assert device_time_plot(search([lost])) is None
