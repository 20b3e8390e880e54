"""The ledger: an append-only file of JSON lines, which is the only state of a search."""

import json
import os
import socket
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nas.engine.events import Event, Opened, event_from_dict, now
from nas.engine.ledger_lines import damage, line_text, sealed_line, split_lines
from nas.engine.ledger_lock import lock_for_writing
from search_space.atomic_file import sync
from search_space.checksum import split_seal

SCHEMA = "nas.ledger/1"
LEDGER = "ledger.jsonl"  # the file in a run's folder
FIRST_EVENT_LINE = 2  # line 1 is the header
HEADER_KEYS = frozenset({"event", "schema", "run_id", "settings", "time"})


class HeldError(ValueError):
    """Another process has the ledger open for writing; the message names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerContents:
    """The contents of a ledger, read without locking it.

    Attributes:
        run_id: Made with the file; result files have it too.
        settings: The settings that identify the run, and the newest of those that may change.
        events: All events after the header, oldest first.
        has_checksums: Whether this version, or a later one, wrote to it.
    """

    run_id: str
    settings: dict[str, Any]
    events: tuple[Event, ...]
    has_checksums: bool


class Ledger(AbstractContextManager["Ledger"]):
    """The ledger, open for writing by one process at a time. Use it as a context manager.

    Events are on disk when `append` returns. A kill can cut only the last line short; it is
    removed at the next opening.

    Attributes:
        path: The file.
        run_id: Made with the file.
        settings: The settings that it was opened with.
        history: The events that it had when it was opened, oldest first.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        *,
        may_change: frozenset[str] = frozenset({"budget"}),
    ) -> None:
        """Open the ledger, or create it if it does not exist.

        Args:
            path: The file; its folder must exist.
            settings: JSON-ready; a resumed run must have the same.
            may_change: Names of the settings that a resumed run may change.

        Raises:
            HeldError: If another process has it open for writing.
            ValueError: If the settings differ, or the file is damaged.
            OSError: If it cannot be read or written.
        """
        self.path = path
        self.settings = json.loads(json.dumps(dict(settings), allow_nan=False))
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            self._lock()
            self._size = path.read_bytes().rfind(b"\n") + 1
            os.ftruncate(self._fd, self._size)  # without an incomplete last line
            contents = read_ledger(path) if self._size else None
            self._num_lines = 1 + len(contents.events) if contents else 0
            if contents is None:
                self.run_id = uuid.uuid4().hex
                self._write_header()
            else:
                self.run_id = contents.run_id
                _require_same(path, contents.settings, self.settings, may_change=may_change)
            self.history: tuple[Event, ...] = contents.events if contents else ()
            known = contents.settings if contents else self.settings
            changed = {name: new for name, new in self.settings.items() if known.get(name) != new}
            self.append(Opened(pid=os.getpid(), host=socket.gethostname(), settings=changed))
        except BaseException:
            os.close(self._fd)
            raise

    def append(self, *events: Event) -> None:
        """Write the events, in order, and return once they are on disk.

        Raises:
            OSError: If the disk is full, or the file was moved or removed; none of `events` is
                kept.
            HeldError: If another process wrote to the file: some network file systems ignore
                locks.
        """
        self._require_in_place()
        stamped = (event if event.time else replace(event, time=now()) for event in events)
        self._write(*(event.to_dict() for event in stamped))

    def _write(self, *lines: Mapping[str, Any]) -> None:
        numbered = enumerate(lines, start=self._num_lines + 1)
        data = "".join(sealed_line(line_text(line), number) for number, line in numbered).encode()
        try:
            done = 0
            while done < len(data):
                done += os.write(self._fd, data[done:])
            os.fsync(self._fd)
        except OSError as error:
            os.ftruncate(self._fd, self._size)  # a full disk may have accepted a part
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._size += len(data)
        self._num_lines += len(lines)

    def close(self) -> None:
        """Close the file and release its lock; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1

    def __exit__(self, *error: object) -> None:
        self.close()

    def _lock(self) -> None:
        if not lock_for_writing(self._fd):
            run = self.path.parent.resolve().name
            raise HeldError(
                f"run {run!r} is being searched by {_holder(self.path)}; "
                f"stop it or choose another name ({self.path})"
            )

    def _require_in_place(self) -> None:
        """Check that the file is still in its place, and that no other process wrote to it."""
        own = os.fstat(self._fd)
        if own.st_size != self._size:
            raise HeldError(
                f"another process writes to {self.path}, whose file system has no locks; "
                f"run one search at a time"
            )
        try:
            if os.path.samestat(own, self.path.stat()):
                return
            raise OSError(f"{self.path} was replaced by another file while a search wrote to it")
        except FileNotFoundError:
            if own.st_nlink or not self.path.parent.is_dir():
                raise OSError(
                    f"{self.path} was moved or removed while a search wrote to it; "
                    f"put it back, and the same command resumes the search"
                ) from None
        with self.path.open("xb") as copy:
            copy.write(os.pread(self._fd, self._size, 0))
            os.fsync(copy.fileno())
        raise OSError(
            f"{self.path} was removed while a search wrote to it; it was written again, "
            f"and the same command resumes the search"
        )

    def _write_header(self) -> None:
        header = {"event": "header", "schema": SCHEMA, "run_id": self.run_id}
        self._write({**header, "settings": self.settings, "time": now()})
        sync(self.path.parent)  # the file's name too must survive a power cut


def read_ledger(path: Path) -> LedgerContents:
    """Read a ledger without locking it; an incomplete last line is left out.

    Raises:
        ValueError: If it is not a ledger, or a line is damaged; the message names the line.
        OSError: If it cannot be read.
    """
    lines = split_lines(path.read_bytes())
    header = lines[0].data if lines else {}
    if not (lines and lines[0].fault) and header.get("schema") != SCHEMA:
        raise ValueError(f"{path}: line 1 must be the header of a {SCHEMA} file")
    events = []
    for line in lines:
        if line.fault:
            raise damage(path, line.number, line.fault)
        try:
            if line is not lines[0]:
                events.append(event_from_dict(line.data))
            elif not (isinstance(header["settings"], dict) and header.keys() == HEADER_KEYS):
                raise ValueError("it is no header")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise damage(path, line.number, repr(error)) from error
    settings = dict(header["settings"])
    for event in events:
        if isinstance(event, Opened):
            settings |= event.settings
    return LedgerContents(
        run_id=str(header["run_id"]),
        settings=settings,
        events=tuple(events),
        has_checksums=bool(split_seal(lines[-1].raw)[1]),
    )


def _holder(path: Path) -> str:
    """Return a description of the process that opened the ledger last."""
    try:
        openings = [event for event in read_ledger(path).events if isinstance(event, Opened)]
        return f"process {openings[-1].pid} on {openings[-1].host}"
    except (ValueError, IndexError):
        return "another process"


def _require_same(
    path: Path, old: Mapping[str, Any], new: Mapping[str, Any], *, may_change: frozenset[str]
) -> None:
    """Raise ValueError if a setting differs that may not change."""
    differences = [
        f"{name} {old.get(name, 'nothing')!r} -> {new.get(name, 'nothing')!r}"
        for name in sorted({*old, *new} - may_change)
        if old.get(name, "nothing") != new.get(name, "nothing")
    ]
    if differences:
        raise ValueError(
            f"{path} was made with other settings: {'; '.join(differences)}; "
            "repeat them or choose another name"
        )
