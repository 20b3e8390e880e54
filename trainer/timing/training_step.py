"""Training steps on one batch that does not change: what a timer measures."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.device.precision import autocast


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(ABC):
    """Forward pass, backward pass and optimizer update on constant tensors.

    Attributes:
        network: The network, in training mode.
        optimizer: Updates the network.
        images: Input of the network, (batch, channels, side, side), channels last.
        labels: Tensor that the output is compared with.
        precision: Arithmetic of the forward pass.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    images: Tensor
    labels: Tensor
    precision: Precision

    @abstractmethod
    def forward(self) -> Tensor:
        """Return the tensor that `backward` starts from."""

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of `loss`, the result of `forward`."""
        loss.backward()

    def run(self) -> None:
        """Run forward pass, backward pass and update."""
        self.optimizer.zero_grad(set_to_none=True)
        self.backward(self.forward())
        self.optimizer.step()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStep(Step):
    """Training step of a whole network.

    `images` is float32 (batch, 3, size, size); `labels` is int64 (batch,).

    Attributes:
        loss: Maps logits (batch, classes) and labels (batch,) to a scalar.
    """

    loss: Callable[[Tensor, Tensor], Tensor]

    def forward(self) -> Tensor:
        """Return the loss of the batch, a scalar."""
        with autocast(self.images.device, self.precision):
            logits = self.network(self.images)
        return self.loss(logits.float(), self.labels)
