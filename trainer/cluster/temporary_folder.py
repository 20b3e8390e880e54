"""A temporary folder that only its owner can read and that is removed after its process."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "nas-ray-"
ABANDONED_AFTER_S = 3600.0
MAX_BASE_LENGTH = 20  # Ray puts unix sockets below it, whose paths are limited to 107 bytes


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for the duration of the block, and remove those of killed processes.

    Raises:
        OSError: If the folder cannot be made.
    """
    base = Path(tempfile.gettempdir())
    if len(str(base)) > MAX_BASE_LENGTH:
        base = Path("/tmp")
    _remove_abandoned(base)
    # It has another name until it is locked, so that no other process removes it before that.
    folder = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=base))
    owner = os.open(folder / "owner", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(owner, fcntl.LOCK_EX)
        folder = folder.rename(base / folder.name.removeprefix("."))
        yield folder
    finally:
        os.close(owner)
        # Processes of a killed Ray may still write files; a later call removes those.
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(base: Path) -> None:
    """Remove this user's folders whose process has ended: the kernel has released its lock."""
    for folder in base.glob(f"{PREFIX}*"):
        try:
            if folder.lstat().st_uid != os.getuid():
                continue
            owner = os.open(folder / "owner", os.O_RDWR | os.O_NOFOLLOW)
        except OSError:  # partly removed, made by another program, or just removed
            with suppress(OSError):
                if time.time() - folder.lstat().st_mtime > ABANDONED_AFTER_S:
                    shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass  # its process is running
        finally:
            os.close(owner)
