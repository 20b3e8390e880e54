"""Memory of a training: what it is predicted to need, and what its device and host have."""

import ctypes
import gc
import os
from contextlib import suppress
from pathlib import Path

import torch

from search_space.architecture import Architecture
from search_space.cost import training_memory_bytes
from trainer.config import Precision
from trainer.optim import OptimizerName, optimizer_slots

# The rest is for the driver, Ray's own processes, the file cache and the operating system.
WORKERS_PART = 0.85

_CGROUP = Path("/sys/fs/cgroup")
_CGROUP_LIMITS = (
    _CGROUP / "memory.max",  # version 2
    _CGROUP / "memory" / "memory.limit_in_bytes",  # version 1
)
_MEMINFO = Path("/proc/meminfo")


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


def host_memory_bytes() -> int:
    """Return the memory of this machine, or of its container if that is smaller."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # not Linux, or "max"
            limits.append(int(path.read_text()))
    return min(limits)


def available_host_memory_bytes() -> int:
    """Return the memory that a new allocation can use now, within the container's limit.

    On systems without /proc/meminfo it is the memory of the machine.
    """
    if not _MEMINFO.exists():
        return host_memory_bytes()
    lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
    available = int(lines["MemAvailable"].split()[0]) * 1024
    with suppress(OSError, ValueError):  # no cgroup of version 2, or "max"
        limit, used = (int((_CGROUP / f"memory.{n}").read_text()) for n in ("max", "current"))
        counts = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        # The kernel drops cached files when memory is short, and a decoded data set is one.
        available = min(available, limit - used + int(counts["file"]))
    return available


def worker_memory_bytes(workers: int) -> int:
    """Return the memory of one of `workers` processes that share this host equally.

    A host runs at most as many workers of a cluster as it has CPUs.
    """
    here = min(workers, os.cpu_count() or workers)
    return int(WORKERS_PART * host_memory_bytes()) // here


def own_memory_bytes() -> int | None:
    """Return the resident memory of this process alone; None where the system does not tell.

    Mapped files, such as the decoded images, are shared and not counted.
    """
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    except OSError:  # not Linux
        return None
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
