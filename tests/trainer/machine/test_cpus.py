"""The usable CPUs: the affinity mask, and the CPU quotas of both versions of control groups."""

import os
from pathlib import Path

import pytest

from trainer.machine.cpus import available_cpus, cpu_quota

VERSION_1 = (
    "31 1 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,noexec shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
)
VERSION_2 = "30 1 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


def machine(root: Path, mounts: str, group: str, files: dict[str, str]) -> Path:
    """Write what a process of the machine sees: its mounts, its group, files of control groups."""
    named = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    for name, text in {"proc/self/mountinfo": mounts, "proc/self/cgroup": group, **named}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_without_control_groups_the_affinity_mask_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert available_cpus(tmp_path) == 8  # also no /proc, as on macOS
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert available_cpus(tmp_path) == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cpus(tmp_path) == 1


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 1),
        ("50000 100000\n", 1),
        ("25000 10000\n", 2),  # 2.5 CPUs, with a period of 10 ms
        ("300000\n", 3),  # the default period is 100 ms
        ("max 100000\n", 8),
        ("max\n", 8),
        ("6400000 100000\n", 8),  # more than there are
        ("", 8),
        ("0 100000\n", 8),
        ("garbage here\n", 8),
    ],
)
def test_quota_of_version_2(tmp_path: Path, text: str, cpus: int) -> None:
    root = machine(tmp_path, VERSION_2, "0::/\n", {"cpu.max": text})
    assert available_cpus(root) == cpus


@pytest.mark.parametrize(("quota", "cpus"), [("400000", 4), ("50000", 1), ("-1", 8), ("", 8)])
def test_quota_of_version_1(tmp_path: Path, quota: str, cpus: int) -> None:
    files = {
        "cpu,cpuacct/job/cpu.cfs_quota_us": f"{quota}\n",
        "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
    }
    root = machine(tmp_path, VERSION_1, "5:cpu,cpuacct:/job\n0::/\n", files)
    assert available_cpus(root) == cpus


def test_the_smallest_quota_of_the_group_and_its_parents_counts(tmp_path: Path) -> None:
    files = {
        "kube/pod/box/cpu.max": "600000 100000\n",
        "kube/pod/cpu.max": "300000 100000\n",
        "kube/cpu.max": "max 100000\n",
        "other/cpu.max": "100000 100000\n",
    }
    root = machine(tmp_path, VERSION_2, "0::/kube/pod/box\n", files)
    assert cpu_quota(root) == 3.0


def test_quotas_of_both_versions_on_one_machine(tmp_path: Path) -> None:
    mounts = VERSION_1 + VERSION_2.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/unified ")
    files = {
        "cpu,cpuacct/a/cpu.cfs_quota_us": "500000\n",
        "cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
        "unified/b/cpu.max": "400000 100000\n",
    }
    root = machine(tmp_path, mounts, "5:cpu,cpuacct:/a\n0::/b\n", files)
    assert cpu_quota(root) == 4.0


def test_a_container_that_sees_the_hosts_group_names(tmp_path: Path) -> None:
    """Docker with version 1 mounts the container's own group, and /proc has its full name."""
    mounts = VERSION_1.replace(" / ", " /docker/0a1b ")
    files = {"cpu,cpuacct/cpu.cfs_quota_us": "200000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}
    root = machine(tmp_path, mounts, "5:cpu,cpuacct:/docker/0a1b\n", files)
    assert cpu_quota(root) == 2.0


@pytest.mark.parametrize("group", ["0::/../../other\n", "0::/gone\n", "", "nonsense\n"])
def test_an_unknown_group_means_the_top_of_the_mount(tmp_path: Path, group: str) -> None:
    root = machine(tmp_path, VERSION_2, group, {"cpu.max": "200000 100000\n"})
    assert cpu_quota(root) == 2.0


def test_without_a_table_of_mounts_the_usual_places_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "sys/fs/cgroup/cpu"
    folder.mkdir(parents=True)
    (folder / "cpu.cfs_quota_us").write_text("300000\n")
    (folder / "cpu.cfs_period_us").write_text("100000\n")
    assert cpu_quota(tmp_path) == 3.0


def test_a_mount_whose_path_has_a_space(tmp_path: Path) -> None:
    mounts = VERSION_2.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/my\\040groups ")
    root = machine(tmp_path, mounts, "0::/\n", {"my groups/cpu.max": "200000 100000\n"})
    assert cpu_quota(root) == 2.0
