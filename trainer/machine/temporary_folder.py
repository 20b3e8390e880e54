"""Private folders that are removed at the end, or by a later process if this one is killed."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Start of the names: folders of Ray sessions, of the compiler's files, and of exports.
RAY, COMPILER, EXPORT = "nas-ray-", "nas-compiler-", "nas-export-"
ABANDONED_AFTER_S = 3600.0
MAX_BASE_LENGTH = 20  # Ray puts unix sockets below it, whose paths are limited to 107 bytes


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """Make a private folder for the duration of the block, and remove those of killed processes.

    Only its owner can read it. `prefix` is one of `RAY`, `COMPILER` and `EXPORT`; abandoned
    folders of all kinds are removed.

    Raises:
        OSError: If the folder cannot be made.
    """
    base = Path(tempfile.gettempdir())
    if len(str(base)) > MAX_BASE_LENGTH or not str(base).isascii():  # Ray's names are UTF-8
        base = Path("/tmp")
    _remove_abandoned(base)
    # It has another name until it is locked, so that no other process removes it before that.
    folder = Path(tempfile.mkdtemp(prefix=f".{prefix}", dir=base))
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
    for prefix in (RAY, COMPILER, EXPORT):
        for folder in base.glob(f".{prefix}*"):  # of a process that was killed before the lock
            _remove_old(folder)
        for folder in base.glob(f"{prefix}*"):
            try:
                if folder.lstat().st_uid != os.getuid():
                    continue
                owner = os.open(folder / "owner", os.O_RDWR | os.O_NOFOLLOW)
            except OSError:  # partly removed, made by another program, or just removed
                _remove_old(folder)
                continue
            try:
                fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                pass  # its process is running
            finally:
                os.close(owner)


def _remove_old(folder: Path) -> None:
    with suppress(OSError):
        found = folder.lstat()
        is_old = time.time() - found.st_mtime > ABANDONED_AFTER_S
        if is_old and found.st_uid == os.getuid():
            shutil.rmtree(folder, ignore_errors=True)
