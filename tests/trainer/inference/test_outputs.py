"""Outputs of a network: order, precision, mode, and that no context leaks to the caller."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.toys.gate import gate_in, is_held
from trainer.inference.outputs import class_probabilities, network_outputs

CPU = torch.device("cpu")


class Doubling(nn.Module):
    """Doubles the mean of each channel, and notes its mode and whether gradients are off."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[bool, bool]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append((self.training, torch.is_inference_mode_enabled()))
        return images.mean((2, 3)) @ (2 * torch.eye(3))


def test_logits_come_in_order_with_what_belongs_to_their_images() -> None:
    batches = [(torch.full((2, 3, 4, 4), 1.5), "a"), (torch.full((1, 3, 4, 4), -2.0), "b")]
    found = list(network_outputs(Doubling(), batches, CPU))
    assert [companion for _, companion in found] == ["a", "b"]
    assert found[0][0].tolist() == [[3.0] * 3] * 2
    assert found[1][0].tolist() == [[-4.0] * 3]


def test_evaluation_mode_and_inference_mode_hold_only_within_the_network() -> None:
    network = Doubling().train()
    for _ in network_outputs(network, [(torch.ones(1, 3, 2, 2), 0)] * 2, CPU):
        assert network.training
        assert not torch.is_inference_mode_enabled()
        assert not torch.is_autocast_enabled("cpu")
    assert network.seen == [(False, True)] * 2


def test_a_batch_is_made_and_computed_in_one_turn_at_the_gate(tmp_path: Path) -> None:
    held: list[bool] = []

    class Watching(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            held.append(is_held(tmp_path))
            return images.mean((2, 3))

    def batches() -> Iterator[tuple[Tensor, int]]:
        for number in range(2):
            held.append(is_held(tmp_path))
            yield torch.ones(1, 3, 2, 2), number

    with gate_in(tmp_path) as gate:
        for _ in network_outputs(Watching(), batches(), CPU, gate=gate):
            assert not is_held(tmp_path)
    assert held == [True] * 4


def test_a_batch_that_does_not_fit_is_an_error_with_advice() -> None:
    class Full(nn.Module):
        def forward(self, _: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("CUDA out of memory")

    outputs = network_outputs(Full(), [(torch.ones(1, 3, 2, 2), 0)], CPU)
    with pytest.raises(ValueError, match="give a smaller --batch-size"):
        next(outputs)


def test_bf16_rounds_in_the_network_and_returns_float32() -> None:
    # 1.01 is 1.0078125 in bfloat16 (8 bits of significand).
    images = torch.full((1, 3, 2, 2), 1.01)
    ((logits, _),) = network_outputs(Doubling(), [(images, 0)], CPU, "bf16")
    assert logits.dtype == torch.float32
    assert logits[0, 0].item() == 2 * 1.0078125


def test_probabilities_by_hand() -> None:
    found = class_probabilities(torch.tensor([[0.0, math.log(3.0)], [1000.0, 0.0]]))
    assert found.dtype == torch.float64
    assert found[0].tolist() == pytest.approx([0.25, 0.75], abs=1e-7)
    assert found[1].tolist() == [1.0, 0.0]
