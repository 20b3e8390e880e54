"""Two classes that are taken for each other lead to a hint about mirrored training images."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.toys.training import recipe, toy_run
from trainer.run.mirror_hint import confused_pair, mirror_hint


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([[10, 10, 0], [9, 11, 0], [0, 0, 20]], (0, 1)),  # 50 % and 45 %
        ([[20, 0, 0], [0, 12, 8], [0, 8, 12]], (1, 2)),
        ([[18, 2, 0], [2, 18, 0], [0, 0, 20]], None),  # 10 %
        ([[20, 0, 0], [20, 0, 0], [0, 0, 20]], None),  # one is taken for the other, not both
        ([[2, 2], [2, 2]], None),  # too few images
        ([[10, 10], [10, 10]], (0, 1)),
        ([[10, 10, 10], [10, 10, 10], [10, 10, 10]], None),  # a guess of all three
        ([[9, 9, 12], [9, 9, 12], [0, 0, 30]], None),  # 40 % of both are taken for the third
    ],
)
def test_only_classes_that_are_both_taken_for_the_other_are_a_pair(
    counts: list[list[int]], expected: tuple[int, int] | None
) -> None:
    assert confused_pair(torch.tensor(counts)) == expected


# Rows and columns are often taken for each other; the images without stripes are not.
GUESSED = ((10, 10, 0), (9, 11, 0), (0, 0, 20))


def test_confused_classes_lead_to_the_hint_only_if_images_are_mirrored(tmp_path: Path) -> None:
    run = toy_run(tmp_path)
    one, other, _ = run.images.class_names
    augment = run.recipe.augment.model_dump()
    mirrored = replace(run, recipe=recipe(augment={**augment, "flip": True}))
    hint = mirror_hint(mirrored, GUESSED)
    assert hint is not None
    assert hint.startswith(f"classes {one!r} and {other!r} are often taken for each other")
    assert "--no-flip" in hint
    as_they_are = replace(run, recipe=recipe(augment={**augment, "flip": False}))
    assert mirror_hint(as_they_are, GUESSED) is None
    assert mirror_hint(mirrored, None) is None
    assert mirror_hint(mirrored, ((20, 0, 0), (0, 20, 0), (0, 0, 20))) is None
