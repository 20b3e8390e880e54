"""The two loops: what they return, and what they refuse."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from trainer.device.gate import DeviceGate
from trainer.proxy.loops import accuracy, train_epoch
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


def test_accuracy_counts_every_image_once(gate: DeviceGate) -> None:
    batches = [
        (_one_hot(0, 1, 2, 0), torch.tensor([0, 1, 2, 1])),  # three of four
        (_one_hot(2), torch.tensor([0])),  # none of one, in a smaller last batch
    ]
    assert accuracy(_Echo(), batches, gate=gate) == pytest.approx(3 / 5)


def test_accuracy_of_no_image_is_refused(gate: DeviceGate) -> None:
    with pytest.raises(ValueError, match="at least one image"):
        accuracy(_Echo(), [], gate=gate)


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
