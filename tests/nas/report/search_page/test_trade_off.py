"""Charts of accuracy: what is a point, the front, and both accuracies of the winner."""

import pytest

from nas.report.frame.chart import Line, Plot, Point, Points
from nas.report.search_page.candidate_facts import step_time_of
from nas.report.search_page.trade_off import cheapest_first_front, params_plot, step_time_plot
from nas.report.search_page.words import winner_figures
from tests.nas.nas_records import failed, trained
from tests.nas.report.search_page.searches import finals_of, search
from tests.toys.metrics import at_rung, with_metrics

FAST = trained(0, 0.70, accuracy=0.7, relative=0.5)
GOOD = trained(1, 0.80, accuracy=0.8, relative=1.0)
SLOW = trained(2, 0.75, accuracy=0.75, relative=2.0)


def points(plot: Plot, name: str) -> tuple[Point, ...]:
    found = [one for one in plot.series if isinstance(one, Points) and one.name == name]
    assert len(found) == 1, f"there are {len(found)} series of points called {name!r}"
    return found[0].points


def line(plot: Plot, name: str) -> tuple[tuple[float, float], ...]:
    return next(one.xy for one in plot.series if isinstance(one, Line) and one.name == name)


def test_a_candidate_is_a_point_of_step_time_and_accuracy_with_its_parameters_as_area() -> None:
    small = with_metrics(FAST, num_params=25_000)
    plot = step_time_plot(search([small, GOOD, failed(3)]))
    (point,) = points(plot, "candidate")
    assert (point.x, point.y, point.area, point.number) == (0.5, 70.0, 25_000, 0)
    assert ("accuracy", "70.00 %") in point.facts
    assert point.facts[4][0] == "stage 1"
    (best,) = points(plot, "winner, its training in the search")
    assert (best.x, best.y, best.number) == (1.0, 80.0, 1)


def test_the_winners_line_and_its_marks_have_the_same_accuracies() -> None:
    accuracies = {(1, 1): 0.70, (1, 2): 0.74, (2, 1): 0.60, (2, 2): 0.62}
    run = search([FAST, GOOD, SLOW], finals_of([FAST, GOOD, SLOW], accuracies))
    best = run.winner
    assert best is not None
    figures = {name: (value, note) for name, value, note in winner_figures(run, best)}
    assert figures["accuracy, further trainings"] == (
        "72.00 %",
        "mean of 2 trainings, 20 epochs each",
    )
    assert figures["accuracy in the search"][0] == "80.00 %"
    plot = step_time_plot(run)
    (mean,) = points(plot, "winner, mean and range of its further trainings")
    assert (mean.y, mean.low, mean.high) == pytest.approx((72.0, 70.0, 74.0))
    (star,) = points(plot, "winner, its training in the search")
    assert star.y == 80.0
    (other,) = points(plot, "finalist, mean and range of its further trainings")
    assert other.number == 2
    assert other.y == pytest.approx(61.0)
    assert line(plot, "") == ((1.0, 80.0), (mean.x, mean.y))


def test_the_front_has_only_candidates_that_are_more_accurate_than_all_cheaper_ones() -> None:
    tied = trained(3, 0.7, accuracy=0.6, relative=0.5)
    front = cheapest_first_front([SLOW, tied, GOOD, FAST], step_time_of)
    assert front == [(0.5, 70.0), (1.0, 80.0)]


def test_parameters_have_a_logarithmic_axis_and_their_own_front() -> None:
    big, small = with_metrics(FAST, num_params=200_000), with_metrics(SLOW, num_params=50_000)
    plot = params_plot(search([big, small]))
    assert plot.x.is_log
    assert line(plot, "best accuracy for its parameters") == ((50_000, 75.0),)


def test_candidates_at_chance_are_apart_and_not_on_the_front() -> None:
    guess = with_metrics(trained(3, 0.9, accuracy=0.9, relative=0.1), at_chance=True)
    plot = step_time_plot(search([FAST, guess]))
    assert [one.number for one in points(plot, "candidate at chance")] == [3]
    assert line(plot, "best accuracy for its step time") == ((0.5, 70.0),)


def test_only_the_highest_rung_is_drawn() -> None:
    low, high = at_rung(GOOD, 0), at_rung(FAST, 1)
    plot = step_time_plot(search([low, high]))
    (best,) = points(plot, "winner, its training in the search")
    assert best.number == 0
    assert not any(one.name == "candidate" for one in plot.series if isinstance(one, Points))
