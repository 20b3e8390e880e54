"""A folder in the host's temporary folder that other users cannot prepare or read."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

# Names that are tried when another user made the first ones.
ATTEMPTS = 10


def private_folder(prefix: str, parent: Path | None = None) -> Path:
    """Return this user's folder PREFIX-UID in the temporary folder, and make it if missing.

    All users can make files in /tmp. A folder or a link there that belongs to another user is
    not used: PREFIX-UID-1 is next, and so on, so all processes of this user choose the same one.
    A folder of this user that others could write to is closed to them.

    Args:
        prefix: Start of the name.
        parent: Folder to make it in; None for the host's temporary folder.

    Raises:
        OSError: If it cannot be made, or others have taken all names.
    """
    parent = parent or Path(tempfile.gettempdir())
    first = f"{prefix}-{os.getuid()}"
    for name in (first, *(f"{first}-{n}" for n in range(1, ATTEMPTS))):
        folder = parent / name
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
            if stat.S_IMODE(found.st_mode) & 0o077:
                folder.chmod(0o700)
            return folder
    raise OSError(
        f"{parent / first}: it, and {ATTEMPTS - 1} similar names, belong to other users; remove "
        "them, or set TMPDIR to a folder of yours"
    )
