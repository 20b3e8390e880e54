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
from trainer.device.memory import device_memory_bytes, free_memory, predict_training_memory
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


def test_host_memory_is_limited_by_the_container(
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
    assert worker_memory_bytes(64) == worker_memory_bytes(4)  # at most one worker per CPU


def test_available_memory_is_limited_by_the_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(host_memory, "_MEMINFO", tmp_path / "meminfo")
    assert available_host_memory_bytes() == host_memory_bytes()  # no /proc
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4096 kB\n")
    assert available_host_memory_bytes() == 4 * MIB
    assert device_memory_bytes(torch.device("cpu"), free=True) == 4 * MIB
    (tmp_path / "memory.current").write_text(f"{3 * MIB}\n")
    (tmp_path / "memory.stat").write_text(f"anon {2 * MIB}\nfile {MIB}\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert available_host_memory_bytes() == 4 * MIB
    (tmp_path / "memory.max").write_text(f"{5 * MIB}\n")
    assert available_host_memory_bytes() == 3 * MIB  # 5 - 3 + 1 of cached files
    (tmp_path / "memory.max").write_text(f"{500 * MIB}\n")
    assert available_host_memory_bytes() == 4 * MIB


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
