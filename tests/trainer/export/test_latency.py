"""Latency of a model: which networks are measured, with which weights, and on which device."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnxruntime
import pytest
import torch

from tests.toys.exported_model import SIZE, every_block, exported_model
from trainer.config import TimingConfig
from trainer.export import latency, onnx_format
from trainer.export.latency import LatencyPlan, measure_latency, untrained_model
from trainer.model_file import ModelFile
from trainer.timing import latency_timer

QUICK = TimingConfig(warmup_steps=1, blocks=3, block_seconds=0.001, max_spread=100, max_attempts=1)
CPU = torch.device("cpu")


def plan(**changes: Any) -> LatencyPlan:
    values = {"device": CPU, "precision": "fp32", "batch_sizes": (1, 3), "timing": QUICK}
    return LatencyPlan(**{**values, **changes})


@pytest.fixture(autouse=True)
def few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(latency_timer, "MIN_CALLS", 3)


@pytest.fixture(scope="module")
def model() -> ModelFile:
    return exported_model("symmetric")


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
def test_the_network_is_measured_by_pytorch_and_by_onnx_runtime_with_one_thread(
    model: ModelFile,
) -> None:
    measured = measure_latency(model, 40, plan(exported=True))
    eager, exported = f"torch {torch.__version__}", f"onnxruntime {onnxruntime.__version__}"
    assert [(one.form, one.runtime, one.batch_size) for one in measured] == [
        *(("eager", eager, 1), ("eager", eager, 3)),
        *(("exported", exported, 1), ("exported", exported, 3)),
    ]
    for one in measured:
        assert (one.image_size, one.threads, one.precision) == (40, 1, "fp32")
        assert one.p95_s >= one.p50_s > 0
        assert one.cpu_s is not None


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("weights", ["ema", "raw"])
def test_both_networks_have_the_weights_and_the_size_that_are_asked_for(
    model: ModelFile, weights: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[ModelFile] = []

    def write(model: ModelFile, out: Path) -> tuple[Path, ...]:
        written.append(model)
        return (out / "model.onnx",)

    opened = SimpleNamespace(logits=lambda images: images, runtime="a runtime 1")
    monkeypatch.setattr(onnx_format, "write", write)
    monkeypatch.setattr(latency, "open_exported", lambda path, threads: opened)
    lines: list[str] = []
    asked = plan(exported=True, weights=weights)
    measured = measure_latency(model, SIZE + 8, asked, notice=lines.append)
    (used,) = written
    assert used.eval_size == SIZE + 8
    assert used.ema is (model.ema if weights == "ema" else model.raw)
    assert [(one.form, one.batch_size) for one in measured] == [
        *(("eager", 1), ("eager", 3), ("exported", 1), ("exported", 3)),
    ]
    assert {(one.threads, one.image_size) for one in measured} == {(1, SIZE + 8)}
    assert torch.get_num_threads() == 2  # as before
    assert lines[:2] == [  # a third one would name another process that is timing
        f"exporting the network to ONNX at {SIZE + 8} pixels",
        f"measuring the latency at {SIZE + 8} pixels",
    ]


def test_a_library_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    plan().check()
    with pytest.raises(ValueError, match=r"onnxruntime, which is not .*ware-nas\[export\]'"):
        plan(exported=True).check()


def test_the_exported_network_is_not_measured_on_a_gpu() -> None:
    with pytest.raises(ValueError, match="--exported measures ONNX Runtime on a CPU; add --dev"):
        plan(device=torch.device("cuda"), exported=True).check()
    plan(device=torch.device("cuda")).check()


def test_equal_arguments_give_equal_new_weights() -> None:
    first, second = (untrained_model(every_block(), 4, 32) for _ in range(2))
    assert first.network()(torch.zeros(2, 3, 32, 32)).shape == (2, 4)
    assert first.raw.keys() == second.raw.keys()
    assert all(torch.equal(first.raw[name], second.raw[name]) for name in first.raw)
