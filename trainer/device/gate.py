"""A cooperative gate: training loops pass it at each step, a timer holds it alone.

Two file locks a device, a turnstile and a room. A training step holds the room shared; a timer
closes the turnstile, waits for the steps under way to end, and has the room to itself. The
turnstile keeps a stream of steps from starving the timer. The kernel drops both locks when
their holder dies, however it dies, so nobody waits for a dead process.

The gate works among the processes of one user on one host. What it cannot pause (other users,
other programs) the timer detects and reports.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import torch


def device_key(device: torch.device) -> str:
    """Name what a gate guards: the GPU by its UUID, or the host's processor as a whole."""
    if device.type == "cuda":
        return f"gpu-{torch.cuda.get_device_properties(device).uuid}"
    return "cpu"


class DeviceGate:
    """The gate of one device. Use one object a process and thread; close it at the end.

    Args:
        key: Name of the device, see `device_key`.
        folder: Where the lock files lie; by default a folder of this user's under the host's
            temporary folder. It must be local to the host.
    """

    def __init__(self, key: str, *, folder: Path | None = None) -> None:
        folder = folder or Path(tempfile.gettempdir()) / f"nas-gate-{os.getuid()}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        self._turnstile = os.open(folder / f"{key}.turnstile", flags, 0o600)
        self._room = os.open(folder / f"{key}.room", flags, 0o600)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Hold the device shared for one training step (two microseconds when nobody times)."""
        fcntl.flock(self._turnstile, fcntl.LOCK_SH)
        try:
            fcntl.flock(self._room, fcntl.LOCK_SH)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Hold the device alone: steps under way end first, new ones wait."""
        fcntl.flock(self._turnstile, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._room, fcntl.LOCK_UN)
        finally:
            fcntl.flock(self._turnstile, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the lock files."""
        os.close(self._turnstile)
        os.close(self._room)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
