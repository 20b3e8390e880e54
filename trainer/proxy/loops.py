"""One epoch of training and one pass of evaluation of a candidate."""

from collections.abc import Callable, Iterable
from itertools import count

import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.data.labels import Indices
from trainer.device.gate import DeviceGate
from trainer.device.precision import autocast
from trainer.device.turn import device_turn
from trainer.optim import set_learning_rate
from trainer.proxy.measurement import UntrainableError
from trainer.proxy.predictions import Predictions

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
        batches: Images (batch, 3, size, size) and labels (batch,), on the network's device; a
            batch is made in the turn of its step.
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
    remaining = iter(batches)
    for step in count():
        with device_turn(device, gate):
            batch = next(remaining, None)
            if batch is None:
                break
            images, labels = batch
            set_learning_rate(optimizer, rate_at(step))
            optimizer.zero_grad(set_to_none=True)
            with autocast(device, precision):
                value = loss(network(images).float(), labels)
            value.backward()
            optimizer.step()
            total += value.detach()
        if (step + 1) % STEPS_BETWEEN_CHECKS == 0:
            _check_finite(total, step + 1)
    _check_finite(total, step)
    return float(total) / max(step, 1)


@torch.no_grad()
def predictions(
    network: nn.Module,
    batches: Iterable[Batch],
    positions: Indices,
    *,
    gate: DeviceGate,
    precision: Precision = "fp32",
) -> Predictions:
    """Return what the network says about each image; its accuracy is the search's.

    Args:
        network: Maps images (batch, 3, size, size) to logits (batch, classes).
        batches: Images and labels; each image comes once, also in a last batch that is smaller.
            A batch is made in the turn in which it is used.
        positions: (count,) int64, the images in their split, in the order of the batches.
        gate: Entered at each step, so that a timer can have the device for itself.
        precision: Arithmetic of the forward pass; probabilities are computed in float32.

    Raises:
        ValueError: If there is no image, or not one for each of `positions`.
    """
    network.eval()
    device = next(network.parameters()).device
    parts: list[tuple[Tensor, ...]] = []
    remaining = iter(batches)
    while True:
        with device_turn(device, gate):
            batch = next(remaining, None)
            if batch is None:
                break
            images, labels = batch
            with autocast(device, precision):
                logits = network(images)
            probabilities = logits.float().softmax(dim=1)
            predicted = logits.argmax(dim=1)
            told = (probabilities.gather(1, one[:, None])[:, 0] for one in (predicted, labels))
            parts.append((labels, predicted, *told))
    if not parts:
        raise ValueError("predictions need at least one image, got none")
    all_labels, classes, confidence, label_probability = (
        torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True)
    )
    return Predictions(
        positions=positions,
        labels=all_labels,
        predicted=classes,
        confidence=confidence,
        label_probability=label_probability,
    )


def _check_finite(total: Tensor, steps: int) -> None:
    if not bool(torch.isfinite(total)):
        raise UntrainableError(f"the loss was not finite by step {steps}")
