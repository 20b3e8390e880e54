"""What this host has, what a worker may take of it, and that memory comes back."""

import os
from pathlib import Path

import pytest
import torch

from trainer.device import host_memory
from trainer.device.device_memory import free_memory
from trainer.device.host_memory import host_memory_bytes, own_memory_bytes, worker_memory_bytes

MIB = 2**20
on_linux = pytest.mark.skipif(own_memory_bytes() is None, reason="needs /proc, which is Linux")


class Node:
    """Refers to itself, as modules and their hooks do, so that only a collection frees it."""

    def __init__(self) -> None:
        self.me = self
        self.weights = [torch.ones(MIB // 16) for _ in range(1000)]  # 250 MiB in small blocks


@on_linux
def test_memory_of_what_failed_comes_back() -> None:
    free_memory(torch.device("cpu"))
    before = own_memory_bytes()
    assert before is not None
    node = Node()
    during = own_memory_bytes()
    assert during is not None
    assert during - before > 200 * MIB
    del node
    free_memory(torch.device("cpu"))
    after = own_memory_bytes()
    assert after is not None
    assert after - before < 30 * MIB


@on_linux
def test_mapped_files_are_nobodys_own(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(b"x" * 100 * MIB)
    before = own_memory_bytes()
    images = torch.from_file(str(path), size=100 * MIB, dtype=torch.uint8, shared=False)
    assert int(images.sum()) == 120 * 100 * MIB
    after = own_memory_bytes()
    assert before is not None
    assert after is not None
    assert after - before < 30 * MIB


def test_a_container_may_have_less_than_its_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(host_memory, "_CGROUP_LIMITS", (limit, tmp_path / "missing"))
    assert host_memory_bytes() == whole
    limit.write_text("max\n")
    assert host_memory_bytes() == whole
    limit.write_text(f"{512 * MIB}\n")
    assert host_memory_bytes() == 512 * MIB
    assert 0.8 * 512 * MIB < worker_memory_bytes(1) < 0.9 * 512 * MIB
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert worker_memory_bytes(2) == worker_memory_bytes(1) // 2
    assert worker_memory_bytes(64) == worker_memory_bytes(4)  # of a cluster, 4 are here
