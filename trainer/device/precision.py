"""In which arithmetic a forward pass runs."""

from contextlib import AbstractContextManager

import torch

from trainer.config import Precision


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[None]:
    """Return the context in which the forward pass runs in `precision`.

    The cache of cast weights is off: it must not live across the capture of a CUDA graph.
    """
    enabled = precision == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=False)
