"""One epoch of training and one pass of evaluation of a candidate."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.device.gate import DeviceGate
from trainer.device.precision import autocast
from trainer.optim import set_learning_rate
from trainer.proxy.measurement import UntrainableError

Batch = tuple[Tensor, Tensor]

# Steps between two checks that the loss is finite: reading the loss stalls a GPU.
STEPS_BETWEEN_CHECKS = 50


def train_epoch(
    network: nn.Module,
    batches: Iterable[Batch],
    *,
    optimizer: torch.optim.Optimizer,
    loss: Callable[[Tensor, Tensor], Tensor],
    rate_at: Callable[[int], float],
    gate: DeviceGate,
    precision: Precision = "fp32",
) -> float:
    """Train on every batch once and return the mean loss.

    Args:
        network: Changed in place.
        batches: Images (batch, 3, size, size) and labels (batch,), on the network's device.
        optimizer: Updates the network.
        loss: Maps logits (batch, classes) and labels to one number.
        rate_at: Learning rate at a step of this epoch, 0-based.
        gate: Entered at each step, so that a timer can have the device for itself.
        precision: Arithmetic of the forward pass.

    Raises:
        UntrainableError: If the loss is not finite.
    """
    network.train()
    device = next(network.parameters()).device
    total = torch.zeros((), device=device)
    step = -1
    for step, (images, labels) in enumerate(batches):
        with gate.step():
            set_learning_rate(optimizer, rate_at(step))
            optimizer.zero_grad(set_to_none=True)
            with autocast(device, precision):
                value = loss(network(images).float(), labels)
            value.backward()
            optimizer.step()
            total += value.detach()
            if device.type == "cuda":  # queued kernels must not run in a timer's lease
                torch.cuda.synchronize(device)
        if (step + 1) % STEPS_BETWEEN_CHECKS == 0:
            _check_finite(total, step)
    _check_finite(total, step)
    return float(total) / max(step + 1, 1)


@torch.no_grad()
def accuracy(
    network: nn.Module,
    batches: Iterable[Batch],
    *,
    gate: DeviceGate,
    precision: Precision = "fp32",
) -> float:
    """Return the share of images whose label has the largest logit, in [0, 1].

    Each image counts once, also in a last batch that is smaller.
    """
    network.eval()
    device = next(network.parameters()).device
    correct, seen = torch.zeros((), dtype=torch.int64, device=device), 0
    for images, labels in batches:
        with gate.step():
            with autocast(device, precision):
                logits = network(images)
            correct += (logits.argmax(dim=1) == labels).sum()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
        seen += len(labels)
    if seen == 0:
        raise ValueError("accuracy needs at least one image, got none")
    return int(correct) / seen


def _check_finite(total: Tensor, step: int) -> None:
    if not bool(torch.isfinite(total)):
        raise UntrainableError(f"the loss was not finite by step {step + 1}")
