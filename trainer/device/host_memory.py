"""Memory of this host. It imports no torch: worker processes import it when they start."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from trainer.machine.cgroups import ROOT, CgroupFolder, cgroup_folders
from trainer.machine.cpus import available_cpus

# The rest is for the driver, Ray's own processes, the file cache and the operating system.
WORKERS_PART = 0.85


def host_memory_bytes(root: Path = ROOT) -> int:
    """Return the memory of this machine, or of its container if that is smaller.

    The limits of all control groups of this process count, in both versions; see
    `trainer.machine.cgroups`. Swap is not counted. `root` is the root of the file system.
    """
    groups = cgroup_folders("memory", root)
    return min([_physical_bytes(), *(limit for _, limit in _limits(groups))])


def available_host_memory_bytes(root: Path = ROOT) -> int:
    """Return the memory that a new allocation can use now, within the container's limits, >= 0.

    On systems without /proc/meminfo it is the memory of the machine. `root` is the root of the
    file system.
    """
    counts = [_physical_bytes()]
    with suppress(OSError, ValueError, LookupError):  # not Linux
        meminfo = (root / "proc/meminfo").read_text().splitlines()
        lines = dict(line.split(":", 1) for line in meminfo)
        counts.append(int(lines["MemAvailable"].split()[0]) * 1024)
    for group, limit in _limits(cgroup_folders("memory", root)):
        used = group.number("memory.current" if group.version == 2 else "memory.usage_in_bytes")
        counts.append(limit if used is None else limit - used + _reclaimable_bytes(group))
    return max(0, min(counts))


def worker_memory_bytes(workers: int) -> int:
    """Return the memory of one of `workers` processes that share this host equally.

    A host runs at most as many workers of a cluster as it has CPUs.
    """
    here = min(workers, available_cpus())
    return int(WORKERS_PART * host_memory_bytes()) // here


def own_memory_bytes() -> int | None:
    """Return the resident memory of this process alone; None where the system does not tell.

    Mapped files, such as the decoded images, are shared and not counted.
    """
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    except OSError:  # not Linux
        return None
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def _physical_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _limits(groups: list[CgroupFolder]) -> Iterator[tuple[CgroupFolder, int]]:
    """Yield the limits of the groups, bytes; a group can have several.

    Above ``memory.high`` the kernel does not end a process, but slows it down until it is of no
    use, so this is a limit too. Version 1 writes "no limit" as a number near 2**63.
    """
    names = {1: ["memory.limit_in_bytes"], 2: ["memory.max", "memory.high"]}
    for group in groups:
        for name in names[group.version]:
            limit = group.number(name)
            if limit is not None and limit >= 0:
                yield group, limit


def _reclaimable_bytes(group: CgroupFolder) -> int:
    """Return the bytes of cached files, which the kernel drops when memory is short.

    A decoded data set is cached files. Files in memory, as in /dev/shm, are not counted here:
    they are on the lists of anonymous memory. Version 1 writes ``total_`` before the counts
    that include the groups below. Source: the kernel's cgroup-v2.rst and v1/memory.rst.
    """
    counts = group.numbers("memory.stat")
    prefix = "total_" if group.version == 1 else ""
    return sum(counts.get(f"{prefix}{name}_file", 0) for name in ("active", "inactive"))
