"""Arithmetic of a forward pass."""

from contextlib import AbstractContextManager

import torch

from trainer.config import Precision


def resolve_precision(precision: Precision | None, device: torch.device) -> Precision:
    """Return `precision`, or the device's default for None: bf16 on a GPU, fp32 on a CPU."""
    return precision or ("bf16" if device.type == "cuda" else "fp32")


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[None]:
    """Return the context in which the forward pass runs in `precision`.

    The cache of cast weights is off: it must not live across the capture of a CUDA graph.
    """
    enabled = precision == "bf16"
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled, cache_enabled=False)
