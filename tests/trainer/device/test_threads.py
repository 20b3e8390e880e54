"""The number of torch's threads: as given, or at most the CPUs that the process can use."""

import pytest
import torch

from trainer.device import threads


def test_a_command_starts_no_more_threads_than_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --threads, torch's own number is kept if it is smaller, as by OMP_NUM_THREADS."""
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)
    monkeypatch.setattr(threads, "available_cpus", lambda: 2)
    assert threads.num_threads(None) == 2
    assert threads.num_threads(5) == 5
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert threads.num_threads(None) == 1
