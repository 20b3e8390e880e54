"""A temporary folder that only its owner can enter and that does not outlive its process long."""

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
def private_folder() -> Iterator[Path]:
    """Make a folder for the block and remove it after; remove what killed processes left.

    Raises:
        OSError: If the folder cannot be made.
    """
    base = Path(tempfile.gettempdir())
    if len(str(base)) > MAX_BASE_LENGTH:
        base = Path("/tmp")
    _sweep(base)
    # Under another name until it is locked, so that nobody sweeps it away half made.
    folder = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=base))
    owner = os.open(folder / "owner", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(owner, fcntl.LOCK_EX)
        folder = folder.rename(base / folder.name.removeprefix("."))
        yield folder
    finally:
        os.close(owner)
        _remove(folder)


def _sweep(base: Path) -> None:
    """Remove our user's folders whose process is gone: the kernel has dropped its lock."""
    for folder in base.glob(f"{PREFIX}*"):
        try:
            if folder.lstat().st_uid != os.getuid():
                continue
            owner = os.open(folder / "owner", os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            _remove_if_old(folder)  # half removed before, not of our making, or just gone
            continue
        try:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)
        except BlockingIOError:
            pass  # alive
        finally:
            os.close(owner)


def _remove_if_old(folder: Path) -> None:
    with suppress(OSError):
        if time.time() - folder.lstat().st_mtime > ABANDONED_AFTER_S:
            _remove(folder)


def _remove(folder: Path) -> None:
    # Processes of a killed Ray may still be writing their last lines; the next sweep gets those.
    shutil.rmtree(folder, ignore_errors=True)
