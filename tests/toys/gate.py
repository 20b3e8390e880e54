"""A gate in a folder of its own, and whether its device is held."""

import fcntl
from contextlib import closing
from pathlib import Path

from trainer.device.gate import DeviceGate
from trainer.device.lock_files import LockFiles

KEY = "test"


def gate_in(folder: Path) -> DeviceGate:
    return DeviceGate(KEY, folder=folder)


def is_held(folder: Path) -> bool:
    """Return whether somebody holds the device, so that a timer would wait."""
    with closing(LockFiles(folder, KEY)) as files:
        try:
            fcntl.flock(files.device, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
