"""A cooperative gate of a device: training steps share it, a timer holds it alone.

A gate is two file locks, a turnstile and the device lock. A training step holds the device lock
shared. A timer closes the turnstile, waits until the current steps release the device lock, and
holds it exclusively. Without the turnstile, steps that follow each other closely would keep the
timer waiting without end. The kernel releases both locks when their process dies.

The gate works among the processes of one user on one host. The timer detects and reports
disturbance by other users and programs.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import torch


def device_key(device: torch.device) -> str:
    """Return the name of a device's gate: by UUID for a GPU; one for all CPUs of the host."""
    if device.type == "cuda":
        return f"gpu-{torch.cuda.get_device_properties(device).uuid}"
    return "cpu"


class DeviceGate:
    """The gate of one device. Use one object per process and thread, and close it.

    Args:
        key: Name of the gate, see `device_key`.
        folder: Folder of the lock files, on a local file system; by default a folder of this
            user in the host's temporary folder.
    """

    def __init__(self, key: str, *, folder: Path | None = None) -> None:
        folder = folder or Path(tempfile.gettempdir()) / f"nas-gate-{os.getuid()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._turnstile = os.open(folder / f"{key}.turnstile", flags, 0o600)
        self._device = os.open(folder / f"{key}.device", flags, 0o600)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Hold the device shared for one training step (two microseconds if no timer waits)."""
        fcntl.flock(self._turnstile, fcntl.LOCK_SH)
        try:
            fcntl.flock(self._device, fcntl.LOCK_SH)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._device, fcntl.LOCK_UN)

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Hold the device alone: current steps end first, further steps wait."""
        fcntl.flock(self._turnstile, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._device, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._device, fcntl.LOCK_UN)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the lock files."""
        os.close(self._turnstile)
        os.close(self._device)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
