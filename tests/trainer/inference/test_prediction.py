"""The most probable classes of a batch, by hand."""

import math

import pytest
import torch

from trainer.inference.prediction import ClassProbability, Prediction, top_predictions

NAMES = ("a", "b", "c")


def test_the_classes_come_by_probability() -> None:
    shares = [[1.0, 6.0, 3.0], [2.0, 1.0, 7.0]]  # of 10
    logits = torch.tensor(shares).log()
    first, second = top_predictions(logits, ["x", "y"], NAMES, top_k=2)
    assert (first.image, first.label) == ("x", "b")
    assert first.probability == pytest.approx(0.6)
    assert [name for name, _ in first.classes] == ["b", "c"]
    assert [value for _, value in first.classes] == pytest.approx([0.6, 0.3])
    assert [name for name, _ in second.classes] == ["c", "a"]
    assert [value for _, value in second.classes] == pytest.approx([0.7, 0.2])


def test_there_are_at_most_as_many_as_classes() -> None:
    (found,) = top_predictions(torch.zeros(1, 3), ["x"], NAMES, top_k=50)
    assert sorted(name for name, _ in found.classes) == ["a", "b", "c"]


def test_outputs_that_are_not_finite_are_an_error() -> None:
    with pytest.raises(ValueError, match="outputs are not finite"):
        top_predictions(torch.tensor([[0.0, math.nan, 1.0]]), ["x"], NAMES, top_k=1)


def test_a_prediction_cannot_be_changed() -> None:
    one = Prediction(image="x", classes=(ClassProbability("a", 1.0),))
    with pytest.raises(AttributeError):
        one.image = "y"  # type: ignore[misc]
