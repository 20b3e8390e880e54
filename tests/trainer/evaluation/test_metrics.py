"""Metrics: intervals against SciPy, and the others by hand."""

import numpy as np
import pytest
from scipy.stats import binomtest

from trainer.evaluation.metrics import (
    ConfusedPair,
    calibration_error,
    class_results,
    confusion_matrix,
    reliability,
    size_result,
    wilson_interval,
    worst_pairs,
)
from trainer.evaluation.outcomes import Outcomes

NAMES = ("a", "b", "c")


def outcomes(labels: object, predicted: list[int], top1: list[bool] | None = None) -> Outcomes:
    true, count = np.array(labels, dtype=np.int64), len(predicted)
    right = np.array(predicted) == true if top1 is None else np.array(top1)
    return Outcomes(
        labels=true,
        predicted=np.array(predicted, dtype=np.int64),
        confidence=np.full(count, 0.5),
        label_probability=np.full(count, 0.25),
        top1=right,
        top5=np.ones(count, dtype=np.bool_),
        loss=np.linspace(0, 1, count),
    )


@pytest.mark.parametrize(
    ("hits", "count"), [(0, 1), (1, 1), (0, 40), (40, 40), (7, 10), (5120, 10_000)]
)
def test_the_interval_is_that_of_scipy(hits: int, count: int) -> None:
    expected = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert wilson_interval(hits, count) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_of_perfect_accuracy_ends_at_one() -> None:
    low, high = wilson_interval(100, 100)
    assert (low < 0.97, high) == (True, 1.0)
    assert wilson_interval(0, 100)[0] == 0.0


def test_accuracy_and_loss_of_one_size() -> None:
    found = size_result(outcomes([0, 1, 2, 0, 1], [0, 1, 2, 1, 0]), 16)
    assert (found.image_size, found.top1, found.top5, found.loss) == (16, 0.6, 1.0, 0.5)
    # All five have the confidence 0.5 and three are right.
    assert found.calibration_error == pytest.approx(0.1)
    assert found.top1_low < 0.6 < found.top1_high


def test_the_reliability_table_by_hand() -> None:
    # Of 15 intervals (0.6, 0.667] is number 9, (0.933, 1] is 14; 0.6 itself belongs to number 8.
    confidence = np.array([0.6, 0.61, 0.65, 1.0, 0.95])
    bins = reliability(confidence, np.array([True, False, True, True, True]))
    assert len(bins) == 15
    assert (bins[0].low, bins[14].high) == (0, 1)
    assert {i: one.count for i, one in enumerate(bins) if one.count} == {8: 1, 9: 2, 14: 2}
    assert bins[9].confidence == pytest.approx(0.63)
    assert bins[9].accuracy == 0.5
    assert (bins[0].confidence, bins[0].accuracy) == (None, None)
    # |1 - 0.6| / 5 + |0.5 - 0.63| x 2/5 + |1 - 0.975| x 2/5
    assert calibration_error(bins) == pytest.approx(0.08 + 0.052 + 0.01)


def test_classes_by_hand() -> None:
    # Predicted a: images of a, a, b. Predicted b: one of a. Nothing is predicted c, none is c.
    first, second, third = class_results(outcomes([0, 0, 1, 0], [0, 0, 0, 1]), NAMES)
    assert (first.name, first.support) == ("a", 3)
    assert first.precision == pytest.approx(2 / 3)
    assert first.recall == pytest.approx(2 / 3)
    assert first.f1 == pytest.approx(2 / 3)
    assert (second.support, second.precision, second.recall, second.f1) == (1, 0.0, 0.0, 0.0)
    assert (third.support, third.precision, third.recall, third.f1) == (0, None, None, None)


def test_a_class_without_images_that_is_predicted_has_a_precision_and_no_recall() -> None:
    *_, third = class_results(outcomes([0, 1], [0, 2]), NAMES)
    assert (third.support, third.precision, third.recall, third.f1) == (0, 0.0, None, 0.0)


def test_images_of_several_classes_have_precision_and_support() -> None:
    labels = [[0, 1], [1, -1], [1, 2]]
    several = outcomes(labels, [0, 0, 1], [True, False, True])
    found = class_results(several, NAMES)
    assert [one.support for one in found] == [1, 3, 1]
    assert [one.precision for one in found] == [0.5, 1.0, None]
    assert {one.recall for one in found} | {one.f1 for one in found} == {None}
    assert confusion_matrix(several, 3) is None


def test_rows_of_the_confusion_matrix_are_true_classes() -> None:
    labels, predicted = [0, 0, 1, 0, 1, 0], [0, 2, 0, 2, 1, 1]
    confusion = confusion_matrix(outcomes(labels, predicted), 3)
    assert confusion == ((1, 1, 2), (1, 1, 0), (0, 0, 0))


def test_the_matrix_of_very_many_classes_is_left_out() -> None:
    assert confusion_matrix(outcomes([0], [0]), 1001) is None


def test_the_worst_pair_is_the_most_frequent_one_and_then_that_of_the_larger_share() -> None:
    confusion = ((10, 2, 0), (2, 1, 0), (5, 0, 4))
    assert worst_pairs(confusion, NAMES, most=2) == (
        ConfusedPair(true="c", predicted="a", count=5, share=5 / 9),
        ConfusedPair(true="b", predicted="a", count=2, share=2 / 3),
    )
    assert worst_pairs(((3, 0), (0, 3)), ("a", "b"), most=5) == ()
