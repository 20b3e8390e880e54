"""Outcomes of single images: worked out by hand from their logits."""

import math

import numpy as np
import pytest
import torch

from trainer.evaluation.outcomes import Outcomes

# Softmax of the logarithms of shares is these shares.
SHARES = [[0.1, 0.2, 0.7], [0.6, 0.3, 0.1], [0.25, 0.5, 0.25]]
LOGITS = torch.tensor(SHARES).log()


def test_one_class_for_each_image() -> None:
    found = Outcomes.of([(LOGITS[:2], torch.tensor([2, 1])), (LOGITS[2:], torch.tensor([0]))])
    assert len(found) == 3
    assert found.predicted.tolist() == [2, 0, 1]
    assert found.top1.tolist() == [True, False, False]
    assert found.top5.tolist() == [True, True, True]  # there are three classes
    np.testing.assert_allclose(found.confidence, [0.7, 0.6, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.label_probability, [0.7, 0.3, 0.25], rtol=1e-6)
    expected = [-math.log(0.7), -math.log(0.3), -math.log(0.25)]
    np.testing.assert_allclose(found.loss, expected, rtol=1e-6)


def test_several_classes_for_an_image() -> None:
    labels = torch.tensor([[0, 1], [0, -1], [-1, -1]])
    found = Outcomes.of([(LOGITS, labels)])
    assert found.multi_label
    assert found.top1.tolist() == [False, True, False]
    np.testing.assert_allclose(found.label_probability, [0.2, 0.6, 0.0], rtol=1e-6)
    # Two classes are targets of one half each.
    half = -(math.log(0.1) + math.log(0.2)) / 2
    np.testing.assert_allclose(found.loss[:2], [half, -math.log(0.6)], rtol=1e-6)


def test_the_sixth_of_six_classes_is_not_among_the_best_five() -> None:
    logits = torch.arange(6.0).repeat(2, 1)
    found = Outcomes.of([(logits, torch.tensor([0, 1]))])
    assert found.top5.tolist() == [False, True]


def test_outputs_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="it has diverged"):
        Outcomes.of([(torch.full((1, 3), math.nan), torch.tensor([0]))])
    with pytest.raises(ValueError, match="at least one image"):
        Outcomes.of([])
