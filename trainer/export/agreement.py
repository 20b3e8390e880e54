"""Comparison of an exported network with the network that it was made from."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from trainer.export.pixel_network import pixel_network, sample_pixels
from trainer.model_file import ModelFile

BATCHES = (1, 3, 8)
# Of the logits, relative to the largest one or to 1. The rounding of float32 in another order gave
# 5e-6 for pictures and, where noise makes activations unusually large, 1e-4 to
# 2e-4 (experiments/export).
# A wrong padding or constant changes the outputs much more.
BOUND = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far an exported network is from PyTorch's.

    Attributes:
        largest_difference: Largest absolute difference of a logit.
        largest_logit: Largest absolute logit of PyTorch's network.
        batches: Sizes of the compared batches.
    """

    largest_difference: float
    largest_logit: float
    batches: tuple[int, ...]


def compare(model: ModelFile, path: Path, logits: Callable[[Tensor], Tensor]) -> Agreement:
    """Compare the logits of an exported network with PyTorch's, for noise and smooth images.

    Args:
        model: What was exported.
        path: The exported file, for messages.
        logits: The exported network: uint8 images (batch, 3, size, size) to logits.

    Raises:
        ValueError: If a logit differs by more than `BOUND`, or is not finite.
    """
    network = pixel_network(model)
    difference, largest = torch.zeros(()), torch.zeros(())
    for batch in BATCHES:
        images = sample_pixels(batch, model.eval_size)
        with torch.inference_mode():
            expected = network(images)[0]
        if not expected.isfinite().all():
            raise ValueError(f"{path.name}: the network's outputs are not finite numbers")
        # A maximum with nan is nan, which no bound accepts.
        difference = torch.maximum(difference, (logits(images) - expected).abs().max())
        largest = torch.maximum(largest, expected.abs().max())
    bound = BOUND * max(1.0, float(largest))
    if not float(difference) <= bound:
        raise ValueError(
            f"{path.name}: its outputs differ from PyTorch's by up to {float(difference):.2g}, "
            f"more than {bound:.2g}"
        )
    return Agreement(
        largest_difference=float(difference), largest_logit=float(largest), batches=BATCHES
    )
