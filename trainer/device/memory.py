"""Memory of a training: what it is predicted to need, and what its device has."""

import ctypes
import gc
from contextlib import suppress

import torch

from search_space.architecture import Architecture
from search_space.cost import training_memory_bytes
from trainer.config import Precision
from trainer.device.host_memory import available_host_memory_bytes, host_memory_bytes
from trainer.optim import OptimizerName, optimizer_slots


def predict_training_memory(
    architecture: Architecture,
    image_size: int,
    batch_size: int,
    *,
    num_classes: int,
    precision: Precision,
    optimizer: OptimizerName,
    momentum: float = 0.9,
) -> int:
    """Return the predicted memory of one training step, bytes.

    It is the lower bound of `search_space.cost.training_memory_bytes`, which describes the first
    arguments: libraries' workspaces, the moving average of the weights and augmentation are not
    included. The precision determines the size of the activations; the optimizer and its
    momentum (see `trainer.optim.make_optimizer`) the state tensors of each parameter.
    """
    return training_memory_bytes(
        architecture,
        image_size,
        batch_size,
        bytes_per_element=2 if precision == "bf16" else 4,
        num_classes=num_classes,
        optimizer_slots=optimizer_slots(optimizer, momentum),
    )


def device_memory_bytes(device: torch.device, *, free: bool = False) -> int:
    """Return the memory of a GPU, or of this host for a CPU.

    With `free`, only what a new training can use now counts.
    """
    if device.type != "cuda":
        return available_host_memory_bytes() if free else host_memory_bytes()
    if not free:
        return int(torch.cuda.get_device_properties(device).total_memory)
    unused, _ = torch.cuda.mem_get_info(device)
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return unused + cached


def free_memory(device: torch.device) -> None:
    """Return unused memory of this process to the host and the device."""
    gc.collect()  # modules refer to each other
    if device.type == "cuda":
        torch.cuda.empty_cache()
    with suppress(OSError, AttributeError):  # glibc keeps freed memory; others have no such call
        ctypes.CDLL(None).malloc_trim(0)
