"""Two classes that are taken for each other lead to a hint about mirrored training images."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.toys.training import recipe, toy_run
from trainer.fit.evaluation import evaluation_batches
from trainer.fit.processes import Processes
from trainer.fit.request import TrainRequest
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


class Guess(nn.Module):
    """Takes every second image for class 1, and the others for class 0."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        classes = torch.arange(len(images)) % 2
        return nn.functional.one_hot(classes, 3).float()


def hint_of(request: TrainRequest) -> str | None:
    split = request.split
    batches = evaluation_batches(
        split.evaluation_images, split.evaluation, Processes(), image_size=16, crop=1.0
    )
    return mirror_hint(request, Guess(), batches)


def test_a_guessing_network_leads_to_the_hint_only_if_images_are_mirrored(tmp_path: Path) -> None:
    run = toy_run(tmp_path)
    one, other, _ = run.images.class_names
    augment = run.recipe.augment.model_dump()
    hint = hint_of(replace(run, recipe=recipe(augment={**augment, "flip": True})))
    assert hint is not None
    assert hint.startswith(f"classes {one!r} and {other!r} are often taken for each other")
    assert "--no-flip" in hint
    assert hint_of(replace(run, recipe=recipe(augment={**augment, "flip": False}))) is None
