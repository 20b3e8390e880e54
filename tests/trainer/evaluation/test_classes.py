"""Classes of other data: matched by name in any order, and refused if the model lacks them."""

import numpy as np
import pytest

from tests.toys.images import split_of
from trainer.data.cache.images import ImageSplit
from trainer.evaluation.classes import listed, with_labels_of


def test_labels_become_outputs_of_the_network() -> None:
    split = split_of([0, 1, 2, 1])
    found = with_labels_of(split, ("a", "b", "c"), ("c", "x", "a", "b"), data="pets")
    assert found.labels.tolist() == [2, 3, 0, 3]
    assert found.images is split.images


def test_images_of_several_classes_stay_filled_up() -> None:
    images = split_of([0, 0]).images
    split = ImageSplit(images=images, labels=np.array([[0, 1], [1, -1]]))
    found = with_labels_of(split, ("a", "b"), ("b", "a"), data="pets")
    assert found.labels.tolist() == [[1, 0], [0, -1]]


def test_accents_in_another_coding_are_the_same_class() -> None:
    one, other = "caf\u00e9", "cafe\u0301"
    found = with_labels_of(split_of([0, 1]), (other, "tea"), ("tea", one), data="cups")
    assert found.labels.tolist() == [1, 0]


def test_an_unknown_class_without_images_does_not_matter() -> None:
    found = with_labels_of(split_of([1, 1]), ("yak", "cat"), ("cat", "dog"), data="pets")
    assert found.labels.tolist() == [0, 0]


def test_unknown_classes_with_images_are_named() -> None:
    message = r"pets has images of 1 class that the model does not know: 'yak'; it knows 'cat'"
    with pytest.raises(ValueError, match=message):
        with_labels_of(split_of([0, 1]), ("yak", "cat"), ("cat",), data="pets")


def test_long_lists_are_shortened() -> None:
    assert listed([f"{i}" for i in range(2000)]) == "'0', '1', '2', '3', '4' and 1,995 more"
