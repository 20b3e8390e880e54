"""Step timing: reported values, repeated measurements, and the order of the networks."""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate, Lease
from trainer.device.memory import free_memory
from trainer.optim import RMSpropTF
from trainer.timing import step_timer as timing
from trainer.timing.step_timer import relative_spread, time_steps
from trainer.timing.training_step import STEPS_BEFORE_CAPTURE, CudaGraphStep, TrainingStep

QUICK = TimingConfig(warmup_steps=1, blocks=3, block_seconds=0.002, max_spread=100)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[DeviceGate]:
    with DeviceGate("test", folder=tmp_path) as gate:
        yield gate


def make_step(width: int, batch_size: int = 4) -> TrainingStep:
    network = nn.Sequential(nn.Conv2d(3, width, 3), nn.Flatten(), nn.Linear(width * 36, 5))
    return TrainingStep(
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.0),
        loss=nn.CrossEntropyLoss(),
        images=torch.randn(batch_size, 3, 8, 8),
        labels=torch.zeros(batch_size, dtype=torch.int64),
        precision="fp32",
    )


class _Clock:
    """Fake `TimedStep`: block times from a script, and a log of the order of blocks."""

    clock = "process_cpu"

    def __init__(self, name: str, blocks: Iterator[float], log: list[str]) -> None:
        self._name, self._blocks, self._log = name, blocks, log

    def block(self, steps: int) -> float:
        self._log.append(self._name)
        return next(self._blocks)

    def parts(self, steps: int) -> tuple[float, float, float]:
        return 1.0, 2.0, 1.0

    def peak_memory_bytes(self) -> int:
        return 7


def _with_clocks(monkeypatch: pytest.MonkeyPatch, clocks: list[_Clock]) -> None:
    remaining = iter(clocks)
    monkeypatch.setattr(timing, "_timed", lambda step: next(remaining))


def _script(warmup: int, *blocks: float) -> Iterator[float]:
    return iter([1.0] * (warmup + 1) + list(blocks))  # one more sets the block's length


def test_the_median_its_spread_and_its_parts(
    monkeypatch: pytest.MonkeyPatch, gate: DeviceGate
) -> None:
    _with_clocks(monkeypatch, [_Clock("a", _script(1, 1.0, 4.0, 2.0, 3.0, 8.0), [])])
    config = TimingConfig(warmup_steps=1, blocks=5, max_spread=100)
    (measured,) = time_steps([make_step(2)], config, gate)
    assert measured.step_time_s == 3.0
    assert measured.spread == pytest.approx((4 - 2) / 3)  # the quartiles of 1 2 3 4 8
    parts = (measured.forward_s, measured.backward_s, measured.optimizer_s)
    assert parts == pytest.approx((0.75, 1.5, 0.75))  # 1:2:1 of the median
    assert measured.samples_per_sec == pytest.approx(4 / 3)
    assert (measured.repeats, measured.attempts, measured.peak_memory_bytes) == (5, 1, 7)


def test_networks_are_timed_alternately_block_by_block(
    monkeypatch: pytest.MonkeyPatch, gate: DeviceGate
) -> None:
    log: list[str] = []
    clocks = [_Clock(name, _script(1, 1.0, 1.0, 1.0), log) for name in "ab"]
    _with_clocks(monkeypatch, clocks)
    time_steps([make_step(2), make_step(2)], TimingConfig(warmup_steps=1, blocks=3), gate)
    assert "".join(log) == "aabb" + "ababab"


def test_a_wide_spread_is_measured_again_and_the_narrowest_is_kept(
    monkeypatch: pytest.MonkeyPatch, gate: DeviceGate
) -> None:
    wide, narrower, wider = (1.0, 2.0, 3.0), (1.6, 2.0, 2.4), (1.0, 2.0, 5.0)
    script = _script(1, *wide, *narrower, *wider)
    _with_clocks(monkeypatch, [_Clock("a", script, [])])
    config = TimingConfig(warmup_steps=1, blocks=3, max_spread=0.1, max_attempts=3)
    (measured,) = time_steps([make_step(2)], config, gate)
    assert measured.attempts == 3
    assert measured.spread == pytest.approx(0.2)
    assert measured.wide_spread


def test_a_narrow_spread_ends_the_repeats(
    monkeypatch: pytest.MonkeyPatch, gate: DeviceGate
) -> None:
    script = _script(1, 1.0, 2.0, 3.0, 2.0, 2.0, 2.0)
    _with_clocks(monkeypatch, [_Clock("a", script, [])])
    config = TimingConfig(warmup_steps=1, blocks=3, max_spread=0.1, max_attempts=9)
    (measured,) = time_steps([make_step(2)], config, gate)
    assert (measured.attempts, measured.spread, measured.wide_spread) == (2, 0.0, False)


@pytest.mark.parametrize(
    ("wall", "clock", "contaminated"),
    [
        (1.04, "process_cpu", False),
        (1.06, "process_cpu", True),  # another process used the core for a while
        (9.00, "cuda_event", False),  # the host waits for the GPU
    ],
)
def test_wall_time_above_the_threads_cpu_time_shows_contention(
    monkeypatch: pytest.MonkeyPatch,
    gate: DeviceGate,
    wall: float,
    clock: str,
    contaminated: bool,
) -> None:
    step = _Clock("a", _script(1, 1.0, 1.0, 1.0), [])
    step.clock = clock
    _with_clocks(monkeypatch, [step])
    readings = {"perf_counter": iter([5.0, 5.0 + wall]), "thread_time": iter([2.0, 3.0])}
    clocks = {name: partial(next, values) for name, values in readings.items()}
    monkeypatch.setattr(timing, "time", SimpleNamespace(**clocks))
    (measured,) = time_steps([make_step(2)], TimingConfig(warmup_steps=1, blocks=3), gate)
    assert measured.contaminated is contaminated


def test_a_measurement_that_others_disturbed_is_repeated(
    monkeypatch: pytest.MonkeyPatch, gate: DeviceGate
) -> None:
    """This process was stopped in the first measurement, and others passed it."""
    breaks = iter([True, False])
    monkeypatch.setattr(Lease, "is_broken", lambda _: next(breaks))
    monkeypatch.setattr(Lease, "let_others_through", lambda _: 0.0)
    renewed: list[Lease] = []
    monkeypatch.setattr(Lease, "renew", lambda lease: renewed.append(lease))
    script = _script(1, 9.0, 9.0, 9.0, 2.0, 2.0, 2.0)
    _with_clocks(monkeypatch, [_Clock("a", script, [])])
    config = TimingConfig(warmup_steps=1, blocks=3, max_spread=0.1, max_attempts=1)
    (measured,) = time_steps([make_step(2)], config, gate)
    assert (measured.step_time_s, measured.attempts) == (2.0, 2)
    assert len(renewed) == 1


def test_a_measurement_that_is_always_disturbed_is_kept_and_flagged(
    monkeypatch: pytest.MonkeyPatch, gate: DeviceGate
) -> None:
    monkeypatch.setattr(Lease, "is_broken", lambda _: True)
    monkeypatch.setattr(Lease, "renew", lambda _: None)
    _with_clocks(monkeypatch, [_Clock("a", _script(1, *(12 * [2.0])), [])])
    config = TimingConfig(warmup_steps=1, blocks=3, max_spread=0.1, max_attempts=1)
    (measured,) = time_steps([make_step(2)], config, gate)
    assert (measured.step_time_s, measured.attempts, measured.contaminated) == (2.0, 4, True)


def test_a_real_step_is_timed_with_its_conditions(gate: DeviceGate) -> None:
    small, large = time_steps([make_step(2), make_step(64, batch_size=8)], QUICK, gate)
    for measured, batch in ((small, 4), (large, 8)):
        assert measured.batch_size == batch
        assert measured.image_size == 8
        assert measured.precision == "fp32"
        assert measured.clock == "process_cpu"
        assert measured.torch_version == torch.__version__
        assert measured.device
        parts = measured.forward_s + measured.backward_s + measured.optimizer_s
        assert parts == pytest.approx(measured.step_time_s)
        assert min(measured.forward_s, measured.backward_s, measured.optimizer_s) > 0


class _TemporaryMemory(nn.Module):
    """Allocates `size` bytes temporarily in each forward pass."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.linear = size, nn.Linear(192, 5)

    def forward(self, x: Tensor) -> Tensor:
        held = torch.ones(self.size, dtype=torch.uint8)
        out: Tensor = self.linear(x.flatten(1)) + held[-1]
        return out


def test_peak_memory_includes_temporary_memory_of_a_step(gate: DeviceGate) -> None:
    if not os.access("/proc/self/clear_refs", os.W_OK):
        pytest.skip("the peak cannot be reset here")
    peaks = []
    for size in (1, 2**27, 1):
        free_memory(torch.device("cpu"))  # a block that is free but resident would hide the peak
        step = replace(make_step(2), network=_TemporaryMemory(size))
        (measured,) = time_steps([step], QUICK, gate)
        peaks.append(measured.peak_memory_bytes)
    small, large, small_again = peaks
    assert large > small + 2**26
    assert small_again < large - 2**26  # the peak of an earlier step is not included


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_captured_step_equals_the_eager_one() -> None:
    def trained(steps: int, *, captured: bool) -> list[Tensor]:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 36, 5)).cuda()
        step = TrainingStep(
            network=network,
            optimizer=RMSpropTF(network.parameters(), 0.01),
            loss=nn.CrossEntropyLoss(),
            images=torch.randn(4, 3, 8, 8, device="cuda"),
            labels=torch.tensor([0, 1, 2, 3], device="cuda"),
            precision="fp32",
        )
        if captured:
            timed = CudaGraphStep(step)  # its warm-up takes real steps; the capture takes none
            assert timed.block(steps - STEPS_BEFORE_CAPTURE) > 0
            assert timed.peak_memory_bytes() > 0
        else:
            for _ in range(steps):
                step.run()
        return [parameter.detach().cpu() for parameter in network.parameters()]

    start = trained(0, captured=False)
    eager, captured = trained(10, captured=False), trained(10, captured=True)
    for one, other, before in zip(eager, captured, start, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(one, before)


def test_a_rate_of_zero_leaves_the_weights(gate: DeviceGate) -> None:
    step = make_step(2)
    before = [parameter.detach().clone() for parameter in step.network.parameters()]
    time_steps([step], QUICK, gate)
    for old, new in zip(before, step.network.parameters(), strict=True):
        assert torch.equal(old, new)


def test_the_spread_of_equal_times_is_zero() -> None:
    assert relative_spread(np.array([3.0, 3.0, 3.0])) == 0.0
