"""The number of CPUs that this process can use."""

import os
from pathlib import Path

from trainer.machine.cgroups import ROOT, cgroup_folders


def available_cpus(root: Path = ROOT) -> int:
    """Return how many CPUs this process can keep busy, >= 1.

    It is the smallest of the number of CPUs, the affinity mask (``taskset``, cpusets) and the
    quotas of the control groups (``docker run --cpus``, Kubernetes' CPU limits). A quota of 1.5
    CPUs counts as one: a second worker or thread would have to stop for half of the time, and
    stopped threads make the others wait. `root` is the root of the file system.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cpu_quota(root)
    return cpus if quota is None else max(1, min(cpus, int(quota)))


def cpu_quota(root: Path = ROOT) -> float | None:
    """Return the smallest CPU quota of this process' control groups; None if there is none.

    Version 2 writes ``cpu.max`` as "QUOTA PERIOD" or "max PERIOD", and a file that contains only
    the quota means the default period of 100 ms. Version 1 has ``cpu.cfs_quota_us``, -1 for no
    quota, and ``cpu.cfs_period_us``. Source: the kernel's cgroup-v2.rst and sched-bwc.rst.
    """
    quotas = []
    for folder in cgroup_folders("cpu", root):
        if folder.version == 1:
            fields = [folder.text("cpu.cfs_quota_us"), folder.text("cpu.cfs_period_us")]
        else:
            fields = folder.text("cpu.max").split()
        if fields and fields[0].isdecimal() and int(fields[0]) > 0:
            period = int(fields[1]) if fields[1:] and fields[1].isdecimal() else 0
            quotas.append(int(fields[0]) / (period or 100_000))
    return min(quotas, default=None)
