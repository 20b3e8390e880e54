"""What a training step is made of, and what a clock for it must offer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.device.precision import autocast


class Step(Protocol):
    """What can be timed: forward, backward and update on tensors that never change."""

    @property
    def network(self) -> nn.Module:
        """What is trained, in training mode."""
        ...

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """Updates the network."""
        ...

    @property
    def images(self) -> Tensor:
        """The input, (batch, channels, size, size)."""
        ...

    @property
    def labels(self) -> Tensor:
        """What the output is compared with."""
        ...

    @property
    def precision(self) -> Precision:
        """Arithmetic of the forward pass."""
        ...

    def forward(self) -> Tensor:
        """Return what `backward` starts from."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Fill the gradients."""
        ...

    def run(self) -> None:
        """Run the whole step: forward, backward, update."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStep:
    """One training step on one batch that never changes.

    Attributes:
        network: In training mode.
        optimizer: Updates the network.
        loss: Maps logits (batch, classes) and labels (batch,) to one number.
        images: (batch, 3, size, size), channels last, on the network's device.
        labels: (batch,), on the network's device.
        precision: Arithmetic of the forward pass.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Callable[[Tensor, Tensor], Tensor]
    images: Tensor
    labels: Tensor
    precision: Precision

    def forward(self) -> Tensor:
        """Return the loss of the batch."""
        with autocast(self.images.device, self.precision):
            logits = self.network(self.images)
        return self.loss(logits.float(), self.labels)

    def backward(self, loss: Tensor) -> None:
        """Fill the gradients."""
        loss.backward()

    def run(self) -> None:
        """Run the whole step: forward, loss, backward, update."""
        self.optimizer.zero_grad(set_to_none=True)
        self.backward(self.forward())
        self.optimizer.step()


class TimedStep(Protocol):
    """A training step with a clock."""

    clock: str

    def block(self, steps: int) -> float:
        """Return seconds per step over `steps` steps."""
        ...

    def parts(self, steps: int) -> tuple[float, float, float]:
        """Return mean seconds of forward with loss, of backward and of the update."""
        ...

    def peak_memory_bytes(self) -> int:
        """Return the largest memory in use while one step runs."""
        ...
