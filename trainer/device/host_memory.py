"""Memory of this host: what there is, what one process may take, and what it holds."""

import os
from contextlib import suppress
from pathlib import Path

# The rest is for the driver, Ray's own processes, the file cache and the operating system.
WORKERS_PART = 0.85

_CGROUP_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),  # version 2
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),  # version 1
)


def host_memory_bytes() -> int:
    """Return this machine's memory, or the container's where that has less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # not Linux, or "max"
            limits.append(int(path.read_text()))
    return min(limits)


def worker_memory_bytes(workers: int) -> int:
    """Return what one of `workers` processes may hold, if they share this host equally.

    Of a cluster's workers no more are here than there are CPUs.
    """
    here = min(workers, os.cpu_count() or workers)
    return int(WORKERS_PART * host_memory_bytes()) // here


def own_memory_bytes() -> int | None:
    """Return the resident memory that is this process's alone; None where nobody tells.

    Mapped files, such as the decoded images, are shared, and not counted.
    """
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_text().split()
    except OSError:  # not Linux
        return None
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
