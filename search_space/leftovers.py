"""Files that killed processes were writing: which ones they are, and their removal."""

import contextlib
import fcntl
import glob
import os
import re
import time
from pathlib import Path

# Name of a file that `write_atomic` is writing: .NAME.PROCESS.RANDOM.tmp.
_DRAFT = re.compile(r"\..+\.(\d+)(\.[0-9a-f]{8})?\.tmp")
# Age from which a file is not one whose process has just made it and locks it in a moment.
_SETTLED_S = 60.0


def remove_drafts(folder: Path, name: str | None = None) -> None:
    """Remove the files in `folder` that processes were writing when they were killed.

    Args:
        folder: A folder in which `write_atomic` wrote; nothing happens if it does not exist.
        name: Name of the file that was written; None for all.
    """
    written = "*" if name is None else glob.escape(name)
    for draft in folder.glob(f".{written}.*.tmp"):
        if match := _DRAFT.fullmatch(draft.name):
            with contextlib.suppress(OSError):  # another process was faster
                if is_abandoned(draft, int(match[1])):
                    draft.unlink()


def is_abandoned(path: Path, pid: int) -> bool:
    """Return whether the process `pid`, which made a file and locks it, has ended.

    The lock decides; the kernel releases it if the process dies, also in another container. A
    running process that has just made the file may not have locked it yet.

    Raises:
        OSError: If the file does not exist, or locks do not work here.
    """
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        age = time.time() - os.fstat(handle).st_mtime
        return abs(age) > _SETTLED_S or not _is_running(pid)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user, or no possible number
        return True
    return True
