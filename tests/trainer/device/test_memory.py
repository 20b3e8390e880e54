"""Memory of this host and its workers, freed memory, and the predicted memory of a training."""

import os
from pathlib import Path

import pytest
import torch

from search_space.cost import count_params, training_memory_bytes
from tests.toys.training import architecture, toy_run
from trainer.config import Precision
from trainer.device import host_memory
from trainer.device.host_memory import (
    available_host_memory_bytes,
    host_memory_bytes,
    own_memory_bytes,
    worker_memory_bytes,
)
from trainer.device.memory import free_memory, predict_training_memory
from trainer.fit.batch_size_finder import BatchSizeFinder
from trainer.fit.processes import Processes
from trainer.optim import OptimizerName
from trainer.timing.synthetic_step import StepSettings

MIB = 2**20
on_linux = pytest.mark.skipif(own_memory_bytes() is None, reason="needs /proc, which is Linux")


class Node:
    """Refers to itself, as modules with hooks do, so that only garbage collection frees it."""

    def __init__(self) -> None:
        self.me = self
        self.weights = [torch.ones(MIB // 16) for _ in range(1000)]  # 250 MiB in small blocks


@on_linux
def test_unused_memory_is_returned_to_the_host() -> None:
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
def test_mapped_files_are_not_counted(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(b"x" * 100 * MIB)
    before = own_memory_bytes()
    images = torch.from_file(str(path), size=100 * MIB, dtype=torch.uint8, shared=False)
    assert int(images.sum()) == 120 * 100 * MIB
    after = own_memory_bytes()
    assert before is not None
    assert after is not None
    assert after - before < 30 * MIB


WHOLE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def machine(root: Path, files: dict[str, str]) -> Path:
    """Write files of a Linux machine with both versions of control groups, and return its root.

    This process is in the group /jobs/mine of version 2, and in /batch/mine of version 1.
    """
    mounts = (
        "30 1 0:25 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "31 1 0:26 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    )
    group = "4:memory:/batch/mine\n0::/jobs/mine\n"
    named = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    both = {"proc/self/mountinfo": mounts, "proc/self/cgroup": group, **named}
    for name, text in both.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, WHOLE),
        ({"unified/jobs/mine/memory.max": "max\n"}, WHOLE),
        ({"memory/batch/mine/memory.limit_in_bytes": "9223372036854771712\n"}, WHOLE),
        ({"unified/jobs/mine/memory.max": "1048576\n"}, MIB),
        ({"unified/jobs/mine/memory.high": "1048576\n"}, MIB),
        ({"memory/batch/mine/memory.limit_in_bytes": "1048576\n"}, MIB),
        ({"memory/batch/memory.limit_in_bytes": "1048576\n"}, MIB),  # of the parent
        ({"memory/other/memory.limit_in_bytes": "1048576\n"}, WHOLE),  # of a stranger
        (
            {
                "unified/jobs/mine/memory.max": "4194304\n",
                "unified/jobs/memory.max": "2097152\n",
                "memory/batch/mine/memory.limit_in_bytes": "3145728\n",
            },
            2 * MIB,
        ),
    ],
)
def test_the_smallest_limit_of_own_group_and_parents_counts(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    assert host_memory_bytes(machine(tmp_path, files)) == expected


def test_workers_share_the_memory_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "host_memory_bytes", lambda: 1000 * MIB)
    monkeypatch.setattr(host_memory, "available_cpus", lambda: 4)
    assert worker_memory_bytes(1) == 850 * MIB
    assert worker_memory_bytes(2) == 425 * MIB
    assert worker_memory_bytes(64) == worker_memory_bytes(4)  # at most one worker per CPU


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 4 * MIB),
        ({"memory.current": "3145728", "memory.max": "max"}, 4 * MIB),
        # 5 - 3 MiB are free, and 1 MiB of cached files can be dropped; files in /dev/shm cannot.
        ({"memory.current": "3145728", "memory.max": "5242880"}, 3 * MIB),
        ({"memory.current": "3145728", "memory.max": "524288000"}, 4 * MIB),
        ({"memory.current": "9437184", "memory.max": "5242880"}, 0),  # over a limit that was cut
        ({"memory.max": "2097152"}, 2 * MIB),
    ],
)
def test_available_memory_in_a_container_of_version_2(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    stat = "anon 2097152\nfile 1572864\nshmem 524288\nactive_file 524288\ninactive_file 524288\n"
    files = {f"unified/jobs/mine/{name}": text for name, text in files.items()}
    root = machine(tmp_path, {"unified/jobs/mine/memory.stat": stat, **files})
    (root / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4096 kB\n")
    assert available_host_memory_bytes(root) == expected


def test_available_memory_in_a_container_of_version_1(tmp_path: Path) -> None:
    files = {
        "memory.limit_in_bytes": "5242880\n",
        "memory.usage_in_bytes": "3145728\n",
        "memory.stat": "active_file 7\ntotal_active_file 524288\ntotal_inactive_file 524288\n",
    }
    root = machine(tmp_path, {f"memory/batch/mine/{name}": text for name, text in files.items()})
    (root / "proc/meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4096 kB\n")
    assert available_host_memory_bytes(root) == 3 * MIB


def test_without_proc_the_memory_is_that_of_the_machine(tmp_path: Path) -> None:
    assert available_host_memory_bytes(tmp_path) == WHOLE
    assert host_memory_bytes(tmp_path) == WHOLE


@pytest.mark.parametrize(
    ("precision", "optimizer", "momentum", "num_bytes", "slots"),
    [
        ("fp32", "sgd", 0.9, 4, 1),
        ("fp32", "sgd", 0.0, 4, 0),
        ("bf16", "rmsprop", 0.9, 2, 2),
        ("fp32", "adamw", 0.9, 4, 2),
    ],
)
def test_prediction_counts_optimizer_state_and_precision(
    precision: Precision, optimizer: OptimizerName, momentum: float, num_bytes: int, slots: int
) -> None:
    predicted = predict_training_memory(
        architecture(),
        16,
        8,
        num_classes=3,
        precision=precision,
        optimizer=optimizer,
        momentum=momentum,
    )
    assert predicted == training_memory_bytes(
        architecture(), 16, 8, bytes_per_element=num_bytes, num_classes=3, optimizer_slots=slots
    )
    weights = 4 * (2 + slots) * count_params(architecture(), 3)
    assert predicted > weights


def test_every_command_predicts_the_same_memory() -> None:
    settings = StepSettings(
        batch_size=16, num_classes=3, device=torch.device("cpu"), optimizer="sgd"
    )
    request = toy_run(Path("unused"), optimizer={"name": "sgd"})
    finder = BatchSizeFinder(request=request, processes=Processes())
    phase, _ = finder.predicted()
    assert phase.predicted_bytes == settings.memory_bytes(architecture(), 8)
