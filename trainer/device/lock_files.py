"""The two lock files of a device's gate, which can be replaced while a process holds them.

A lock of the kernel (``flock``) ends when its holder dies, and cannot be taken from a holder that
is stopped. So the others put new files in the place of the locked ones. Every process compares
the files that it opened with those that have the names now.
"""

import fcntl
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from search_space.text_files import parse_json
from trainer.machine.cgroups import ROOT
from trainer.machine.processes import ProcessName

_OPEN = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
MAX_RECORD_BYTES = 4096


class LockFiles:
    """The open lock files of a gate.

    Args:
        folder: Their folder, on a local file system.
        key: Name of the gate.

    Attributes:
        turnstile: Descriptor of the file that each process locks before `device`.
        device: Descriptor of the file that is locked while the device is used.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._paths = (folder / f"{key}.turnstile", folder / f"{key}.device")
        self._replacing = folder / f"{key}.replacing"
        self.turnstile, self.device = (os.open(path, _OPEN, 0o600) for path in self._paths)

    def close(self) -> None:
        """Close the files, which releases their locks."""
        os.close(self.turnstile)
        os.close(self.device)

    def are_current(self) -> bool:
        """Return whether the names still lead to these files."""
        try:
            return all(
                os.path.samestat(os.fstat(handle), path.lstat())
                for handle, path in zip((self.turnstile, self.device), self._paths, strict=True)
            )
        except OSError:  # removed, for example by a cleaner of the temporary folder
            return False

    def refresh(self) -> None:
        """Open the files that have the names now, if they are others; release the old ones."""
        if not self.are_current():
            self.close()
            self._paths[0].parent.mkdir(mode=0o700, exist_ok=True)
            self.turnstile, self.device = (os.open(path, _OPEN, 0o600) for path in self._paths)

    def replace(self) -> None:
        """Put new files in the place of these, unless another process has done it."""
        handle = os.open(self._replacing, _OPEN, 0o600)
        try:
            # Not blocking: if another process is replacing the files, the next attempt sees that.
            with suppress(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self.are_current():
                    for path in self._paths:
                        path.unlink(missing_ok=True)
        finally:
            os.close(handle)
        self.refresh()

    def write_holder(self, holder: ProcessName) -> None:
        """Write who holds the turnstile; a full disk only hides the name from others."""
        record = json.dumps({"token": secrets.token_hex(8), "process": holder.to_json()})
        with suppress(OSError):
            os.ftruncate(self.turnstile, 0)
            os.pwrite(self.turnstile, record.encode(), 0)

    def holder(self) -> tuple[str, ProcessName | None]:
        """Return the name of the current lease, and the process that holds it, if known."""
        text = os.pread(self.turnstile, MAX_RECORD_BYTES, 0).decode(errors="replace")
        try:
            record = parse_json(text)
            return str(record["token"]), ProcessName.from_json(record["process"])
        except (ValueError, TypeError, LookupError):
            return "", None

    def device_users(self, root: Path = ROOT) -> list[int]:
        """Return the processes that hold a lock on the device file; empty if not known.

        ``/proc/locks`` is described in proc_locks(5). Some file systems have another device
        number there than ``stat`` gives; then nothing is found.
        """
        found = os.fstat(self.device)
        place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        try:
            lines = (root / "proc/locks").read_text().splitlines()
        except OSError:
            return []
        rows = [line.split() for line in lines]
        return [
            int(row[4])
            for row in rows
            if len(row) > 5 and row[1] == "FLOCK" and row[5] == place and int(row[4]) > 0
        ]
