"""Who else is timing on a device, for a process that does not use the device itself."""

import os
from pathlib import Path

from trainer.device.lock_files import LockFiles
from trainer.machine.private_folder import private_folder
from trainer.machine.processes import descends_from


def foreign_timer(kind: str, folder: Path | None = None) -> str:
    """Return a description of a process that times on a device now, and is none of our own.

    The gate's locks are only looked at in ``/proc/locks``. Without it, nothing is found.

    Args:
        kind: Devices to look at: "cpu" or "gpu".
        folder: Folder of the lock files; by default that of `trainer.device.gate`.

    Returns:
        Such as "process 123 (nas-time) is timing"; "" if there is no such process. Processes that
        this one has started do not count.
    """
    try:
        folder = folder or private_folder("nas-gate")
        keys = [path.stem for path in folder.glob(f"{kind}*.turnstile")]
        found = [_timer(folder, key) for key in keys]
    except OSError:  # no folder, or files that are replaced at this moment
        return ""
    return next(filter(None, found), "")


def _timer(folder: Path, key: str) -> str:
    files = LockFiles(folder, key)
    try:
        _, holder = files.holder()
        # The name stays in the file after a lease; only a timer's lock on the device is current.
        if holder is None or holder.pid not in files.device_users():
            return ""
        return "" if descends_from(holder.pid, os.getpid()) else f"{holder} is timing"
    finally:
        files.close()
