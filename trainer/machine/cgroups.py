"""Limits of the Linux control groups of this process, in both versions of control groups.

A limit of a group holds for all groups below it. So the group of the process and all its parents
are read, as far as they are visible here; in a container, these are often only the container's
own group. Formats: ``/proc/self/cgroup`` is described in cgroups(7), ``/proc/self/mountinfo``
in proc_pid_mountinfo(5).

Every function takes the root of the file system, so that tests can give another one. Files that
do not exist or are not readable mean that there is no limit.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

ROOT = Path("/")
DEFAULT_MOUNT = "sys/fs/cgroup"

Controller = Literal["cpu", "memory"]


@dataclass(frozen=True, slots=True)
class CgroupFolder:
    """The files of one group.

    Attributes:
        version: Version of control groups, 1 or 2.
        path: Folder of the group.
    """

    version: Literal[1, 2]
    path: Path

    def text(self, name: str) -> str:
        """Return the content of a file of this group, "" if it cannot be read."""
        with suppress(OSError, UnicodeDecodeError):
            return (self.path / name).read_text().strip()
        return ""

    def number(self, name: str) -> int | None:
        """Return the integer that a file contains; None for "max", or if there is no such file."""
        with suppress(ValueError):
            return int(self.text(name))
        return None

    def numbers(self, name: str) -> Mapping[str, int]:
        """Return the counts of a file with a name and a number in each line, as memory.stat."""
        rows = (line.split() for line in self.text(name).splitlines())
        return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdecimal()}


@dataclass(frozen=True, slots=True)
class _Mount:
    """A mounted hierarchy: the group that is its top here, its folder, and its controllers."""

    version: Literal[1, 2]
    top: PurePosixPath
    folder: Path
    controllers: frozenset[str]


def cgroup_folders(controller: Controller, root: Path = ROOT) -> list[CgroupFolder]:
    """Return the groups that limit `controller` for this process: its own first, then parents.

    A machine can use both versions at the same time; then the groups of both are returned.
    """
    groups = dict(_groups(root))
    folders: list[CgroupFolder] = []
    for mount in _mounts(root):
        if mount.version == 1 and controller not in mount.controllers:
            continue
        group = groups.get(controller if mount.version == 1 else "", mount.top)
        folders += [
            CgroupFolder(mount.version, path)
            for path in _with_parents(group, mount)
            if path.is_dir()
        ]
    return list(dict.fromkeys(folders))


def _groups(root: Path) -> Iterator[tuple[str, PurePosixPath]]:
    """Yield the group of each controller of version 1, and under "" that of version 2."""
    with suppress(OSError, ValueError):
        for line in (root / "proc/self/cgroup").read_text().splitlines():
            number, names, path = line.split(":", 2)
            # In version 2 the line is "0::/path"; "0:" alone never names a controller.
            for name in names.split(",") if number != "0" else [""]:
                yield name, PurePosixPath(path)


def _mounts(root: Path) -> Iterator[_Mount]:
    """Yield the mounted hierarchies; at their usual places if the table cannot be read."""
    try:
        table = (root / "proc/self/mountinfo").read_text(errors="surrogateescape")
    except OSError:
        usual = root / DEFAULT_MOUNT
        yield _Mount(2, PurePosixPath("/"), usual, frozenset())
        for name in ("cpu", "memory"):
            yield _Mount(1, PurePosixPath("/"), usual / name, frozenset({name}))
        return
    for line in table.splitlines():
        before, separator, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if not separator or len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] not in ("cgroup", "cgroup2"):
            continue
        top, folder = (_unescaped(field) for field in fields[3:5])
        yield _Mount(
            version=2 if kind[0] == "cgroup2" else 1,
            top=PurePosixPath(top),
            folder=root / folder.lstrip("/"),
            controllers=frozenset(kind[2].split(",")),
        )


def _unescaped(field: str) -> str:
    r"""Return a field of mountinfo, in which a space is written as ``\040``."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), field)


def _with_parents(group: PurePosixPath, mount: _Mount) -> list[Path]:
    """Return the folder of `group` and of all its parents within the mount.

    A container without an own cgroup namespace sees the host's names of groups, and only its own
    group as the top. A group outside of what is mounted has ".." in its name, or another top;
    then the top is the nearest known group.
    """
    try:
        inside = group.relative_to(mount.top)
    except ValueError:
        inside = PurePosixPath()
    if ".." in inside.parts:
        inside = PurePosixPath()
    return [mount.folder / part for part in (inside, *inside.parents)]
