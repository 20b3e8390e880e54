"""Labels that look like several labels with the separator of another tool."""

import pytest

from trainer.data.sources.label_cells import separator_notes


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (["x", "y", "x|y"], r"'x\|y' looks like several labels; .* semicolon .* replace '\|'"),
        (["a|b", "b|c"], r"'a\|b' looks like"),  # no part is a label alone
        (["x", "y", "x, y"], "'x, y' looks like"),
        (["x", "y", "x/y"], "'x/y' looks like"),
        (["haze", "clear", "primary", "haze primary", "clear primary"], "looks like several"),
        (["x\ty", "x"], "looks like several labels"),
        (["['x', 'y']", "['x']"], "looks like several labels.*replace the brackets"),
    ],
)
def test_labels_of_another_separator_are_an_error(cells: list[str], shown: str) -> None:
    with pytest.raises(ValueError, match=shown) as error:
        separator_notes("DIR/labels.csv", [[cell] for cell in cells])
    assert str(error.value).startswith("DIR/labels.csv: the label ")


@pytest.mark.parametrize(
    "cells",
    [
        ["cat", "dog"],
        ["sea", "lion", "sea lion"],
        ["black cat", "white cat", "black dog"],
        ["R&B", "rock/pop", "C++"],
    ],
)
def test_usual_names_are_accepted(cells: list[str]) -> None:
    assert separator_notes("DIR", [[cell] for cell in cells]) == ()


@pytest.mark.parametrize("name", ["cat, black", "a|b"])
def test_a_note_says_that_a_comma_is_no_separator(name: str) -> None:
    assert separator_notes("DIR", [[name], ["dog"]]) == (
        f"the class {name!r} is one class; several labels of an image are separated by semicolons",
    )
