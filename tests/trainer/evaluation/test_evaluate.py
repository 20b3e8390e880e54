"""An evaluation of images uses the device in turns with timers, from its first byte there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.toys.gate import gate_in, is_held
from trainer.data.cache.images import ImageSplit
from trainer.evaluation.evaluate import Forward, outcomes_of
from trainer.fit.evaluation import evaluation_batches


class Means(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))


def test_images_are_opened_in_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []

    def opened(*values: Any, **options: Any) -> Any:
        held.append(is_held(tmp_path))
        return evaluation_batches(*values, **options)

    monkeypatch.setattr("trainer.evaluation.evaluate.evaluation_batches", opened)
    levels = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    levels[0, :, :, 1] = levels[1, :, :, 2] = 255
    split = ImageSplit(images=levels, labels=np.array([1, 0], dtype=np.int64))
    forward = Forward(device=torch.device("cpu"), precision="fp32", crop=1.0)
    done: list[tuple[int, int]] = []
    with gate_in(tmp_path) as gate:
        found = outcomes_of(
            Means(),
            split,
            np.arange(2),
            4,
            forward,
            gate=gate,
            on_progress=lambda *counts: done.append(counts),
        )
        assert not is_held(tmp_path)
    assert held == [True]
    assert found.predicted.tolist() == [1, 2]
    assert found.top1.tolist() == [True, False]
    assert done == [(2, 2)]
