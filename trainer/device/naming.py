"""Devices by name, and the model names of devices."""

import platform
from pathlib import Path

import torch

from search_space.counted import counted


def named_device(name: str) -> torch.device:
    """Return the device `name`: auto, cpu, cuda or cuda:N.

    Raises:
        ValueError: If the name is unknown, or this machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"--device must be auto, cpu, cuda or cuda:N, got {name!r}") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        has = counted(torch.cuda.device_count(), "GPU")
        raise ValueError(f"--device {name}: this machine has {has}")
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"--device must be auto, cpu, cuda or cuda:N, got {name!r}")
    return device


def device_name(device: torch.device) -> str:
    """Return the model name of a GPU, or of the processor for a CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return cpu_name()


def cpu_name() -> str:
    """Return the model name of the processor, or its architecture if the system has no name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
