"""Writing a file in one step, so that a crash never leaves a part of it."""

import contextlib
import os
import secrets
from pathlib import Path


def write_atomic(path: str | Path, content: str | bytes) -> Path:
    """Replace the file at `path` by `content` in one step that survives a crash at any moment.

    Readers see the old content or the new one, never a part. The folder must exist. The path is
    returned.

    Raises:
        OSError: If the folder is missing or cannot be written.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:  # an interrupt must not leave a draft behind either
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    sync(path.parent)  # the new name must survive a power cut too
    return path


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
