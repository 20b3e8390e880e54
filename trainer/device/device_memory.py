"""Memory of a training's device: how much there is, and how to leave it clean."""

import ctypes
import gc
from contextlib import suppress

import torch

from trainer.device.host_memory import host_memory_bytes


def device_memory_bytes(device: torch.device) -> int:
    """Return the whole memory of a device; of a CPU, the host's."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return host_memory_bytes()


def free_memory(device: torch.device) -> None:
    """Give back to the host and the device what this process does not use any more."""
    gc.collect()  # modules refer to each other
    if device.type == "cuda":
        torch.cuda.empty_cache()
    with suppress(OSError, AttributeError):  # glibc keeps freed memory; others have no such call
        ctypes.CDLL(None).malloc_trim(0)
