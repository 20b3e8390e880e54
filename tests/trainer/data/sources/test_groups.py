"""Values of a group column in several splits, and values that are missing."""

from trainer.data.sources.groups import group_codes


def test_the_same_number_is_the_same_group_in_every_form() -> None:
    codes, note = group_codes("DIR", "patient", {"train": [7, 8, 7], "test": ["7", 8.0, "7.0"]})
    assert codes["train"].tolist() == [0, 1, 0]
    assert codes["test"].tolist() == [0, 1, 0]
    assert "2 groups in train" in note


def test_names_with_spaces_around_them_are_the_same_group() -> None:
    codes, _ = group_codes("DIR", "patient", {"train": ["a", " a", "b", "7.5"]})
    assert codes["train"].tolist() == [0, 0, 1, 2]


def test_missing_values_are_groups_of_their_own() -> None:
    cells = [None, float("nan"), "", "nan", " ", "x", "x"]
    codes, _ = group_codes("DIR", "patient", {"train": cells})
    assert codes["train"].tolist() == [0, 1, 2, 3, 4, 5, 5]
