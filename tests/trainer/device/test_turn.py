"""A batch's turn on a device: the gate is held for the block, and the device waited for."""

from pathlib import Path

import pytest
import torch

from tests.toys.gate import gate_in, is_held
from trainer.device.turn import device_turn

CPU = torch.device("cpu")


def test_the_gate_is_held_for_the_block(tmp_path: Path) -> None:
    with gate_in(tmp_path) as gate:
        assert not is_held(tmp_path)
        with device_turn(CPU, gate):
            assert is_held(tmp_path)
        assert not is_held(tmp_path)


def test_an_error_in_the_block_releases_the_gate(tmp_path: Path) -> None:
    with gate_in(tmp_path) as gate:
        with pytest.raises(KeyError), device_turn(CPU, gate):
            raise KeyError
        assert not is_held(tmp_path)


def test_the_kernels_of_a_gpu_end_before_the_gate_is_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[tuple[torch.device, bool]] = []
    monkeypatch.setattr(
        "torch.cuda.synchronize", lambda device: waited.append((device, is_held(tmp_path)))
    )
    second = torch.device("cuda", 1)
    with gate_in(tmp_path) as gate, device_turn(second, gate):
        assert waited == []
    assert waited == [(second, True)]


def test_without_a_gate_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.synchronize", lambda _: pytest.fail("it waited"))
    with device_turn(torch.device("cuda"), None):
        pass
