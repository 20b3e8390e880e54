"""The two loops: what they return, and what they refuse."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.toys.gate import gate_in, is_held
from trainer.device.gate import DeviceGate
from trainer.proxy.loops import predictions, train_epoch
from trainer.proxy.measurement import UntrainableError


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[DeviceGate]:
    with DeviceGate("test", folder=tmp_path) as gate:
        yield gate


class _Echo(nn.Module):
    """Gives back its input as logits, shifted by a weight that training may move."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, logits: Tensor) -> Tensor:
        shifted: Tensor = logits + self.shift
        return shifted


def _one_hot(*labels: int) -> Tensor:
    return torch.eye(3)[list(labels)]


def test_predictions_are_of_every_image_once(gate: DeviceGate) -> None:
    thirds = torch.tensor([[0.0, 0.0, math.log(2.0)]])  # softmax: 1/4, 1/4, 1/2
    batches = [
        (torch.cat([thirds, 1000 * _one_hot(0, 1, 2)]), torch.tensor([0, 0, 1, 1])),
        (thirds, torch.tensor([2])),  # a smaller last batch
    ]
    found = predictions(_Echo(), batches, np.array([5, 6, 8, 9, 11]), gate=gate)
    assert found.positions.tolist() == [5, 6, 8, 9, 11]
    assert found.labels.tolist() == [0, 0, 1, 1, 2]
    assert found.predicted.tolist() == [2, 0, 1, 2, 2]
    assert found.confidence.tolist() == pytest.approx([0.5, 1.0, 1.0, 1.0, 0.5])
    assert found.label_probability.tolist() == pytest.approx([0.25, 1.0, 1.0, 0.0, 0.5])
    assert found.accuracy == pytest.approx(3 / 5)


def test_predictions_need_images_and_a_position_for_each(gate: DeviceGate) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        predictions(_Echo(), [], np.array([], dtype=np.int64), gate=gate)
    batches = [(_one_hot(0, 1), torch.tensor([0, 1]))]
    with pytest.raises(ValueError, match="equal length"):
        predictions(_Echo(), batches, np.array([0]), gate=gate)


def test_batches_are_made_and_used_in_turns_at_the_gate(tmp_path: Path) -> None:
    held: list[bool] = []

    def loss(logits: Tensor, _: Tensor) -> Tensor:
        held.append(is_held(tmp_path))
        return logits.sum()

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for label in range(2):
            held.append(is_held(tmp_path))
            yield _one_hot(label), torch.tensor([label])

    network = _Echo()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
    with gate_in(tmp_path) as gate:
        train_epoch(
            network, batches(), optimizer=optimizer, loss=loss, rate_at=lambda _: 0.0, gate=gate
        )
        assert held == [True] * 4
        found = predictions(network, batches(), np.arange(2), gate=gate)
        assert held == [True] * 6
        assert not is_held(tmp_path)
    assert found.accuracy == 1.0


def test_train_epoch_returns_the_mean_loss_and_sets_the_rates(gate: DeviceGate) -> None:
    network = _Echo()
    optimizer = torch.optim.SGD(network.parameters(), lr=9.0)
    seen: list[float] = []

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        seen.append(optimizer.param_groups[0]["lr"])
        return logits.mean() * 0 + labels.float().mean() + network.shift * 0

    batches = [(_one_hot(0), torch.tensor([value])) for value in (1, 2, 6)]
    mean = train_epoch(
        network,
        batches,
        optimizer=optimizer,
        loss=loss,
        rate_at=lambda step: 0.1 * (step + 1),
        gate=gate,
    )
    assert mean == pytest.approx(3.0)
    assert seen == pytest.approx([0.1, 0.2, 0.3])


def test_training_lowers_the_loss(gate: DeviceGate) -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 3)
    batches = [(_one_hot(0, 1, 2), torch.tensor([0, 1, 2]))] * 20

    def epoch() -> float:
        return train_epoch(
            network,
            batches,
            optimizer=torch.optim.SGD(network.parameters(), lr=0.5),
            loss=nn.CrossEntropyLoss(),
            rate_at=lambda step: 0.5,
            gate=gate,
        )

    assert epoch() > epoch() > epoch()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_the_candidates_fault(gate: DeviceGate, bad: float) -> None:
    network = _Echo()
    with pytest.raises(UntrainableError, match="not finite"):
        train_epoch(
            network,
            [(_one_hot(0), torch.tensor([0]))],
            optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
            loss=lambda logits, labels: (logits * bad).sum() + bad,
            rate_at=lambda step: 0.1,
            gate=gate,
        )
