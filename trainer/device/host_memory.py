"""Memory of this host. It imports no torch: worker processes import it when they start."""

import os
from contextlib import suppress
from pathlib import Path

# The rest is for the driver, Ray's own processes, the file cache and the operating system.
WORKERS_PART = 0.85

_CGROUP = Path("/sys/fs/cgroup")
_CGROUP_LIMITS = (
    _CGROUP / "memory.max",  # version 2
    _CGROUP / "memory" / "memory.limit_in_bytes",  # version 1
)
_MEMINFO = Path("/proc/meminfo")


def host_memory_bytes() -> int:
    """Return the memory of this machine, or of its container if that is smaller."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # not Linux, or "max"
            limits.append(int(path.read_text()))
    return min(limits)


def available_host_memory_bytes() -> int:
    """Return the memory that a new allocation can use now, within the container's limit.

    On systems without /proc/meminfo it is the memory of the machine.
    """
    if not _MEMINFO.exists():
        return host_memory_bytes()
    lines = dict(line.split(":", 1) for line in _MEMINFO.read_text().splitlines())
    available = int(lines["MemAvailable"].split()[0]) * 1024
    with suppress(OSError, ValueError):  # no cgroup of version 2, or "max"
        limit, used = (int((_CGROUP / f"memory.{n}").read_text()) for n in ("max", "current"))
        counts = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        # The kernel drops cached files when memory is short, and a decoded data set is one.
        available = min(available, limit - used + int(counts["file"]))
    return available


def worker_memory_bytes(workers: int) -> int:
    """Return the memory of one of `workers` processes that share this host equally.

    A host runs at most as many workers of a cluster as it has CPUs.
    """
    here = min(workers, os.cpu_count() or workers)
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
