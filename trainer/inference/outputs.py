"""Outputs of a network for batches of images, without gradients."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.device.gate import DeviceGate
from trainer.device.out_of_memory import refused_if_out_of_memory
from trainer.device.precision import autocast
from trainer.device.turn import device_turn

Companion = TypeVar("Companion")
ADVICE = "give a smaller --batch-size"


def network_outputs(
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Companion]],
    device: torch.device,
    precision: Precision = "fp32",
    gate: DeviceGate | None = None,
) -> Iterator[tuple[Tensor, Companion]]:
    """Yield the logits of each batch, and what belongs to its images.

    The network is in evaluation mode while a batch is computed; its mode is restored after each.

    Args:
        network: Maps images (batch, 3, size, size) to logits (batch, classes).
        batches: Inputs of the network on `device`, see `Preprocessing.network_input`, each with
            what belongs to them, such as labels or positions. Each is asked for in the turn of
            its forward pass.
        device: The device of the network.
        precision: Arithmetic of the forward pass.
        gate: Gate of the device, entered for each batch; None if no timer is waited for.

    Yields:
        Logits (batch, classes), float32, on `device`; and what belongs to the images, unchanged.

    Raises:
        ValueError: If the device's memory does not suffice for a batch.
    """
    remaining = iter(batches)
    while True:
        # Entered for each batch: a generator that is suspended inside of these contexts would
        # leave them active in its caller.
        with refused_if_out_of_memory(ADVICE), device_turn(device, gate):
            batch = next(remaining, None)
            if batch is None:
                return
            images, companion = batch
            was_training = network.training
            network.eval()
            try:
                with torch.inference_mode(), autocast(device, precision):
                    logits = network(images).float()
            finally:
                network.train(was_training)
        yield logits, companion


def class_probabilities(logits: Tensor) -> Tensor:
    """Return the probabilities (batch, classes), float64, by the softmax of logits.

    Double precision, so that rows sum to 1 and small probabilities are exact.
    """
    return logits.double().softmax(dim=1)
