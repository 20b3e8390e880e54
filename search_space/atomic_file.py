"""Replaces a file in one step that survives a crash at any moment."""

import contextlib
import os
import secrets
from pathlib import Path


def write_atomic(path: str | Path, content: str | bytes) -> None:
    """Replace the file at `path` by `content` in one step that survives a crash at any moment.

    Readers see the old content or the new one, never a part. The folder must exist.

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
    except BaseException:  # an interrupt too must leave no draft behind
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
