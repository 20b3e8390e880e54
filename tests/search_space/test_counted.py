"""Counts in sentences have the right noun."""

import pytest

from search_space.counted import counted


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1200, "1,200 files")]
)
def test_the_noun_agrees_with_the_count(count: int, text: str) -> None:
    assert counted(count, "file") == text


def test_another_plural_can_be_named() -> None:
    assert counted(1, "class", "classes") == "1 class"
    assert counted(3, "class", "classes") == "3 classes"
