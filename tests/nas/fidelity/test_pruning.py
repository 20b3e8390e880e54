"""Who is not trained at all: what a candidate could reach at best, against what is there."""

import pytest

from nas.candidate import Candidate, Outcome, Record, State
from nas.fidelity.pruning import Bar, current_bar
from nas.settings.fidelity_config import ProgressiveConfig
from tests.toys.metrics import at_rung, whole_metrics


def record(
    number: int, accuracy: float, *, rung: int = 2, relative: float = 1.0, reward: float = 0.5
) -> Record:
    trained = Record(
        candidate=Candidate(number=number, choices={}, key=str(number)),
        outcome=Outcome(
            state=State.COMPLETE,
            reward=reward,
            metrics=whole_metrics(
                accuracy=accuracy, relative_step_time=relative, relative_params=relative
            ),
        ),
    )
    return at_rung(trained, rung)


def test_a_slow_candidate_needs_more_than_there_is() -> None:
    # Four times the reference's time at an exponent of -0.5 halves the accuracy.
    bar = Bar(accuracy=1.0, reward=0.51)
    reason = bar.reason_to_drop(4.0, 1.0, w=-0.5, v=0.0)
    assert reason == (
        "not trained: with 100.0 % accuracy its reward would be 0.5000, and the top begins at "
        "0.5100"
    )
    assert not bar.reason_to_drop(3.8, 1.0, w=-0.5, v=0.0)
    assert Bar(accuracy=0.9, reward=0.47).reason_to_drop(3.8, 1.0, w=-0.5, v=0.0)


def test_a_candidate_that_could_only_draw_level_is_dropped() -> None:
    assert Bar(accuracy=1.0, reward=0.5).reason_to_drop(4.0, 1.0, w=-0.5, v=0.0)
    assert not Bar().reason_to_drop(1e6, 1e6, w=-0.5, v=-0.5)  # while the top has room


def test_what_something_beats_in_all_three_is_not_trained() -> None:
    bar = Bar(accuracy=0.8, front=((0.8, 1.5, 2.0), (0.7, 0.5, 0.5)))
    assert "beats it" in bar.reason_to_drop(1.5, 2.0, w=0.0, v=0.0)
    assert not bar.reason_to_drop(1.4, 2.5, w=0.0, v=0.0)  # faster
    assert not bar.reason_to_drop(2.0, 1.9, w=0.0, v=0.0)  # smaller
    assert not bar.reason_to_drop(0.6, 0.6, w=0.0, v=0.0)  # may be more accurate


def test_the_top_is_of_the_last_rung_alone_and_has_to_be_full() -> None:
    config = ProgressiveConfig(top=2)
    low = [record(n, 0.9, rung=1, reward=0.9) for n in range(5)]
    assert current_bar(low, config, 2) == Bar()
    some = [*low, record(7, 0.4, reward=0.4)]
    assert current_bar(some, config, 2) == Bar()
    full = [*some, record(8, 0.6, reward=0.6), record(9, 0.5, reward=0.5)]
    assert current_bar(full, config, 2) == Bar(reward=0.5)


def test_bounds_are_the_tighter_of_both() -> None:
    records = [record(0, 0.5)]
    bold = ProgressiveConfig(accuracy_bound=0.9, headroom=0.25)
    assert current_bar(records, bold, 2).accuracy == pytest.approx(0.75)
    assert current_bar([], bold, 2).accuracy == 0.9
    assert current_bar([record(0, 0.8)], bold, 2).accuracy == 0.9


def test_what_is_pruned_is_a_choice() -> None:
    records = [record(n, 0.5, relative=2.0) for n in range(5)]
    assert current_bar(records, ProgressiveConfig(prune="off"), 2) == Bar()
    front = current_bar(records, ProgressiveConfig(prune="front"), 2)
    assert front == Bar(front=((0.5, 2.0, 2.0),) * 5)
