"""Writing a file in one step, so that a crash never leaves a part of it."""

import contextlib
import fcntl
import os
import re
import secrets
import stat
import sys
from pathlib import Path

_STANDARD = {"stdout": 1, "stderr": 2}
_DESCRIPTOR = re.compile(r"/dev/(stdout|stderr)|/(?:dev|proc/self)/fd/(\d+)")


def write_atomic(path: str | Path, content: str | bytes) -> Path:
    """Replace the file at `path` by `content` in one step that survives a crash at any moment.

    Readers see the old content or the new one, never a part. The folder must exist. A symbolic
    link stays, and the file that it leads to is replaced. A replaced file keeps its permissions
    and, as far as the process may give files away, its owner. What is no regular file, such as
    ``/dev/stdout`` or a named pipe, is written to and never replaced. Bytes of
    file names that are not UTF-8 (lone surrogates) are written as escape sequences. The path is
    returned.

    Raises:
        OSError: If the folder is missing or cannot be written, or `path` is a folder or a socket.
    """
    path, data = Path(path), content
    if isinstance(data, str):  # names of files may have bytes that are not text
        data = data.encode(errors="backslashreplace")
    if match := _DESCRIPTOR.fullmatch(str(path)):
        name, number = match[1], match[2]
        _write_to_descriptor(_STANDARD[name] if name else int(number), data)
        return path
    try:
        old = path.stat()
    except OSError:  # a new file, or a fault that the writing reports
        old = None
    if old is not None and not stat.S_ISREG(old.st_mode):
        with path.open("wb") as file:  # raises an OSError for a folder and for a socket
            file.write(data)
        return path
    return _replace(path, data, old)


def _write_to_descriptor(number: int, data: bytes) -> None:
    """Write to an open file, such as the one that stdout is redirected to, after what it has."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    with os.fdopen(os.dup(number), "wb") as file:
        file.write(data)


def _replace(path: Path, data: bytes, old: os.stat_result | None) -> Path:
    target = path.resolve() if path.is_symlink() else path
    draft = target.with_name(f".{target.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("xb") as file:
            with contextlib.suppress(OSError):  # a file system without locks
                # The lock tells `remove_drafts` that this process is alive.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.write(data)
            file.flush()
            if old is not None:
                _keep_permissions(file.fileno(), old)
            os.fsync(file.fileno())
            draft.replace(target)  # while it is locked
    except BaseException:  # an interrupt must not leave a draft behind either
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync(target.parent)  # the new name must survive a power cut too
    return path


def _keep_permissions(file: int, old: os.stat_result) -> None:
    """Give a file the owner, group and permissions of the one that it replaces, if possible."""
    new = os.fstat(file)
    with contextlib.suppress(OSError):  # only root may give files away
        if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
            os.fchown(file, old.st_uid, old.st_gid)
    with contextlib.suppress(OSError):  # some file systems have no permissions
        os.fchmod(file, old.st_mode & 0o777)


def sync(path: Path) -> None:
    """Flush a file, or the names in a folder, to the disk.

    Raises:
        OSError: If `path` cannot be opened or flushed.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
