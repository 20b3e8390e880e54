"""Names of classes in several splits, and names that look the same."""

import numpy as np
import pytest

from trainer.data.labels import Labels, similar_classes_note

COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def test_accents_in_another_coding_name_the_same_class() -> None:
    validation = Labels(codes=np.array([0, 1]), class_names=("bar", DECOMPOSED))
    assert validation.recoded("DIR", "validation", [COMPOSED, "bar"]).tolist() == [1, 0]


def test_classes_of_both_codings_stay_apart() -> None:
    validation = Labels(codes=np.array([0, 1]), class_names=(DECOMPOSED, COMPOSED))
    assert validation.recoded("DIR", "test", [DECOMPOSED, COMPOSED]).tolist() == [0, 1]


def test_other_spellings_are_other_classes() -> None:
    validation = Labels(codes=np.array([0]), class_names=("Cat",))
    with pytest.raises(
        ValueError, match=r"'Cat', which the training split lacks \(it has 'cat'\)"
    ):
        validation.recoded("DIR", "validation", ["cat", "dog"])


@pytest.mark.parametrize(
    ("names", "pair"),
    [
        (["Cat", "cat", "dog"], "'Cat' and 'cat'"),
        (["dog", "german shepherd", "german_shepherd"], "'german shepherd' and 'german_shepherd'"),
        ([COMPOSED, DECOMPOSED], r"'caf\xe9' and 'cafe\u0301'"),
        (["cat ", "cat"], "'cat ' and 'cat'"),
    ],
)
def test_names_that_look_the_same_are_noted(names: list[str], pair: str) -> None:
    note = similar_classes_note(names)
    assert note is not None
    assert note.startswith(f"classes {pair} have nearly the same name")


def test_the_number_of_other_pairs_is_noted() -> None:
    note = similar_classes_note(["Cat", "cat", "Dog", "dog", "EMU", "emu"])
    assert note is not None
    assert "'Cat' and 'cat' (and 2 more pairs)" in note


def test_letters_and_different_names_are_not_noted() -> None:
    assert similar_classes_note(["a", "A", "cat", "cats", "1", "10"]) is None
