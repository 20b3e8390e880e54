"""Rows of a classifier are matched by class name."""

import torch
from torch import Tensor

from trainer.run.classifier_rows import matched_rows

OURS = {"classifier.weight": torch.zeros(3, 2), "classifier.bias": torch.zeros(3)}
THEIRS = {
    "classifier.weight": torch.tensor([[1.0, 1.5], [2.0, 2.5], [3.0, 3.5]]),
    "classifier.bias": torch.tensor([10.0, 20.0, 30.0]),
}


def matched(theirs: list[str], ours: list[str]) -> tuple[dict[str, Tensor], str]:
    return matched_rows(THEIRS, theirs, OURS, ours)


def test_another_order_moves_the_rows() -> None:
    rows, said = matched(["a", "b", "c"], ["c", "a", "b"])
    assert rows["classifier.weight"].tolist() == [[3.0, 3.5], [1.0, 1.5], [2.0, 2.5]]
    assert rows["classifier.bias"].tolist() == [30.0, 10.0, 20.0]
    assert said == "classifier: 3 of 3 classes matched by name, in another order"


def test_equal_classes_keep_the_rows() -> None:
    rows, said = matched(["a", "b", "c"], ["a", "b", "c"])
    assert torch.equal(rows["classifier.weight"], THEIRS["classifier.weight"])
    assert said == "classifier: 3 of 3 classes matched by name"


def test_a_class_that_the_file_lacks_keeps_its_row() -> None:
    rows, said = matched(["a", "b", "c"], ["b", "d", "e"])
    assert rows["classifier.bias"].tolist() == [20.0, 0.0, 0.0]
    assert "1 of 3 classes matched by name; d, e start afresh; a, c of the file are" in said


def test_no_common_class_is_no_classifier() -> None:
    assert matched(["a", "b", "c"], ["d", "e", "f"])[0] == {}


def test_names_that_a_file_system_decomposed_are_equal() -> None:
    rows, _ = matched(["caf\u00e9", "b", "c"], ["cafe\u0301", "x", "y"])
    assert rows["classifier.bias"].tolist() == [10.0, 0.0, 0.0]
