"""Pruning: the best reward that a candidate can reach, compared with the top."""

import pytest

from nas.candidate import Candidate, Outcome, Record, State
from nas.engine.pruning import PruningRule, PruningThreshold, current_threshold
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
    threshold = PruningThreshold(accuracy=1.0, reward=0.51)
    reason = threshold.pruning_reason(4.0, 1.0, w=-0.5, v=0.0)
    assert reason == (
        "not trained: with 100.0 % accuracy its reward would be 0.5000, and the top begins at "
        "0.5100"
    )
    assert not threshold.pruning_reason(3.8, 1.0, w=-0.5, v=0.0)
    assert PruningThreshold(accuracy=0.9, reward=0.47).pruning_reason(3.8, 1.0, w=-0.5, v=0.0)


def test_a_candidate_that_could_only_draw_level_is_dropped() -> None:
    assert PruningThreshold(accuracy=1.0, reward=0.5).pruning_reason(4.0, 1.0, w=-0.5, v=0.0)
    assert not PruningThreshold().pruning_reason(
        1e6, 1e6, w=-0.5, v=-0.5
    )  # while the top has room


def test_what_something_beats_in_all_three_is_not_trained() -> None:
    threshold = PruningThreshold(accuracy=0.8, front=((0.8, 1.5, 2.0), (0.7, 0.5, 0.5)))
    assert "beats it" in threshold.pruning_reason(1.5, 2.0, w=0.0, v=0.0)
    assert not threshold.pruning_reason(1.4, 2.5, w=0.0, v=0.0)  # faster
    assert not threshold.pruning_reason(2.0, 1.9, w=0.0, v=0.0)  # smaller
    assert not threshold.pruning_reason(0.6, 0.6, w=0.0, v=0.0)  # may be more accurate


def test_the_top_is_of_the_last_rung_alone_and_has_to_be_full() -> None:
    config = PruningRule(by="reward", top=2)
    low = [record(n, 0.9, rung=1, reward=0.9) for n in range(5)]
    assert current_threshold(low, config, 2) == PruningThreshold()
    some = [*low, record(7, 0.4, reward=0.4)]
    assert current_threshold(some, config, 2) == PruningThreshold()
    full = [*some, record(8, 0.6, reward=0.6), record(9, 0.5, reward=0.5)]
    assert current_threshold(full, config, 2) == PruningThreshold(reward=0.5)


def test_bounds_are_the_tighter_of_both() -> None:
    records = [record(0, 0.5)]
    bold = PruningRule(by="reward", accuracy_bound=0.9, max_accuracy_gain=0.25)
    assert current_threshold(records, bold, 2).accuracy == pytest.approx(0.75)
    assert current_threshold([], bold, 2).accuracy == 0.9
    assert current_threshold([record(0, 0.8)], bold, 2).accuracy == 0.9


def test_what_is_pruned_is_a_choice() -> None:
    records = [record(n, 0.5, relative=2.0) for n in range(5)]
    assert current_threshold(records, PruningRule(by="off"), 2) == PruningThreshold()
    front = current_threshold(records, PruningRule(by="front"), 2)
    assert front == PruningThreshold(front=((0.5, 2.0, 2.0),) * 5)
