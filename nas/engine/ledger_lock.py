"""The lock of a ledger: one process writes to it, and others can see whether one does."""

import fcntl
import time
from pathlib import Path

ATTEMPTS, PAUSE_S = 5, 0.02  # a reader holds the lock only for an instant


def lock_for_writing(fd: int) -> bool:
    """Lock an open ledger, and return whether no other process has it open for writing.

    The kernel releases the lock when the process dies.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_S)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        return True
    return False


def is_open_for_writing(path: Path) -> bool:
    """Return whether a process has the ledger open for writing, as a running search does.

    Some network file systems have no locks, and then no process seems to have it open.

    Raises:
        OSError: If it cannot be opened.
    """
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return False
