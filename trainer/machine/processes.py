"""Other processes of this host: how a process names itself, and whether it is stopped."""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from search_space.text_files import parse_json
from trainer.machine.cgroups import ROOT

# States in /proc/PID/stat, see proc_pid_stat(5): stopped by a signal, stopped by a debugger.
_STOPPED = ("T", "t")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessName:
    """A process, as it writes itself into a file that others read.

    A number alone is not enough: numbers are used again after a process ended, and a container
    that shares a folder with this one has its own numbers.

    Attributes:
        pid: Process number.
        started: When it started, in clock ticks since the host started; 0 if unknown.
        namespace: The host since its start and its namespace of process numbers; "" if unknown.
        command: Name of its command.
    """

    pid: int
    started: int
    namespace: str
    command: str

    @classmethod
    def own(cls, root: Path = ROOT) -> Self:
        """Return the name of this process."""
        fields = _stat_fields(os.getpid(), root)
        return cls(
            pid=os.getpid(),
            started=int(fields[19]) if len(fields) > 19 else 0,
            namespace=_namespace(root),
            command=_own_command(),
        )

    @classmethod
    def from_json(cls, text: str) -> Self | None:
        """Return the process that `to_json` wrote; None if `text` is something else."""
        try:
            data = parse_json(text)
            return cls(
                pid=int(data["pid"]),
                started=int(data["started"]),
                namespace=str(data["namespace"]),
                command=str(data["command"])[:60],
            )
        except (ValueError, TypeError, LookupError):
            return None

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps(asdict(self))

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"

    def is_stopped(self, root: Path = ROOT) -> bool:
        """Return whether it is stopped: by Ctrl-Z, SIGSTOP or a debugger.

        False if this cannot be known: in another container, or without /proc.
        """
        if not self.namespace or self.namespace != _namespace(root):
            return False
        fields = _stat_fields(self.pid, root)
        return len(fields) > 19 and int(fields[19]) == self.started and fields[0] in _STOPPED


def is_stopped(pid: int, root: Path = ROOT) -> bool:
    """Return whether the process with this number is stopped; False if that is not known."""
    fields = _stat_fields(pid, root)
    return bool(fields) and fields[0] in _STOPPED


def descends_from(pid: int, ancestor: int, root: Path = ROOT) -> bool:
    """Return whether process `pid` is `ancestor` or was started below it.

    False if this is not known. The parent of a process whose own parent has ended is another one.
    """
    while pid > 0:
        if pid == ancestor:
            return True
        fields = _stat_fields(pid, root)
        pid = int(fields[1]) if len(fields) > 1 else 0
    return False


def _stat_fields(pid: int, root: Path) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; the start time is at index 19."""
    try:
        text = (root / f"proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()  # the name of the command can contain spaces


def _own_command() -> str:
    """Return the name of this command: of a package that runs as a module, the package's."""
    path = Path(sys.argv[0] if sys.argv else "")
    name = path.parent.name if path.name == "__main__.py" else path.name
    return {"": "python", "-c": "python", "default_worker.py": "Ray worker"}.get(name, name)


def _namespace(root: Path) -> str:
    try:
        boot = (root / "proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(root / 'proc/self/ns/pid').readlink()}"
    except OSError:
        return ""
