"""Latency of inference: reported values, discarded calls, disturbed measurements."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate, Lease
from trainer.timing import latency_timer
from trainer.timing.latency_timer import Inference, eager_inference, time_inference

# Three blocks of seven timed calls, because twenty are the fewest; each after one that is not.
BLOCKS = TimingConfig(warmup_steps=1, blocks=3, block_seconds=0.001, max_spread=100)
CALLS = 21
QUIET = (1.0,) * CALLS


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[DeviceGate]:
    with DeviceGate("test", folder=tmp_path) as gate:
        yield gate


@dataclass
class Clock:
    """Clocks that only a call moves on, by what its script says."""

    wall: float = 0.0
    cpu: float = 0.0
    log: list[str] = field(default_factory=list)

    def call(self, name: str, latencies: Iterator[float], busy: float) -> Callable[[Tensor], None]:
        """Return a call of the given latencies, which computes for 1 / `busy` of them."""

        def run(images: Tensor) -> None:
            latency = next(latencies)
            self.wall += latency
            self.cpu += latency / busy
            self.log.append(name)

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    readings = SimpleNamespace(perf_counter=lambda: clock.wall, thread_time=lambda: clock.cpu)
    monkeypatch.setattr(latency_timer, "time", readings)
    return clock


def attempt(*latencies: float) -> list[float]:
    """Return one measurement: an untimed call of 1000 s before each seven calls."""
    blocks = [latencies[start : start + 7] for start in (0, 7, 14)]
    return [latency for block in blocks for latency in (1000.0, *block)]


def inference(
    clock: Clock,
    *attempts: list[float],
    name: str = "a",
    busy: float = 1.0,
    threads: int = 1,
    batch_size: int = 2,
) -> Inference:
    script = iter([500.0, 1.0, *(latency for one in attempts for latency in one)])
    return Inference(
        call=clock.call(name, script, busy),
        images=torch.zeros(batch_size, 3, 8, 8),
        form="exported",
        runtime="a runtime 1.0",
        precision="fp32",
        threads=threads,
    )


def test_percentiles_and_spread_of_the_calls_without_warm_up(
    clock: Clock, gate: DeviceGate
) -> None:
    latencies = [float(seconds) for seconds in range(1, 22)]
    (measured,) = time_inference([inference(clock, attempt(*latencies))], BLOCKS, gate)
    assert measured.p50_s == 11.0
    assert measured.p95_s == pytest.approx(20.0)  # one of 21 calls took longer
    assert measured.spread == pytest.approx((16 - 6) / 11)
    assert measured.cpu_s == 11.0
    assert measured.samples_per_sec == pytest.approx(2 / 11)
    assert (measured.repeats, measured.attempts) == (CALLS, 1)
    assert not measured.contaminated
    assert (measured.batch_size, measured.image_size) == (2, 8)
    assert (measured.form, measured.runtime) == ("exported", "a runtime 1.0")


def test_networks_are_timed_alternately_block_by_block(clock: Clock, gate: DeviceGate) -> None:
    both = [inference(clock, attempt(*QUIET), name=name) for name in "ab"]
    time_inference(both, BLOCKS, gate)
    assert "".join(clock.log) == "aabb" + 3 * (8 * "a" + 8 * "b")


def test_a_block_has_as_many_calls_as_fit_its_length(clock: Clock, gate: DeviceGate) -> None:
    config = BLOCKS.model_copy(update={"block_seconds": 30.0})
    (measured,) = time_inference([inference(clock, [1.0] * 3 * 31)], config, gate)
    assert measured.repeats == 90  # a warm-up call of 500 s does not count


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_latency_ends_when_the_device_has_computed(gate: DeviceGate) -> None:
    images = torch.randn(1, 3, 64, 64, device="cuda")
    waited: list[bool] = []

    def call(images: Tensor) -> None:
        torch.cuda._sleep(10_000_000)  # cycles of the device, not of the host
        finished = torch.cuda.Event()
        finished.record()
        waited.append(finished.query())
        events.append(finished)

    events: list[torch.cuda.Event] = []
    one = Inference(
        call=call, images=images, form="eager", runtime="r", precision="fp32", threads=1
    )
    one.run()
    assert waited == [False]
    assert events[0].query()
    (measured,) = time_inference([one], BLOCKS, gate)
    assert measured.cpu_s is None


@pytest.mark.parametrize(
    ("busy", "threads", "contaminated", "cpu_s"),
    [
        (1.04, 1, False, 1 / 1.04),
        (1.06, 1, True, 1 / 1.06),  # the processor did something else for a while
        (2.00, 4, False, None),  # the CPU time of one thread says nothing about the others
    ],
)
def test_wall_time_above_the_threads_cpu_time_shows_contention(
    clock: Clock,
    gate: DeviceGate,
    busy: float,
    threads: int,
    contaminated: bool,
    cpu_s: float | None,
) -> None:
    config = BLOCKS.model_copy(update={"max_attempts": 1})
    one = inference(clock, attempt(*QUIET), busy=busy, threads=threads)
    (measured,) = time_inference([one], config, gate)
    assert measured.contaminated is contaminated
    assert measured.cpu_s == (None if cpu_s is None else pytest.approx(cpu_s))
    assert measured.p50_s == pytest.approx(1.0)
    expected = 1 / 1.06 if contaminated else 1.0
    assert measured.undisturbed_s == pytest.approx(expected)


def test_a_disturbed_measurement_is_repeated_and_the_quiet_one_is_kept(
    clock: Clock, gate: DeviceGate
) -> None:
    """In the first one the processor did something else for half of the time."""
    one = inference(clock)
    first = iter([1.0] * 2 + attempt(*(2.0,) * CALLS))
    second = iter(attempt(*(3.0,) * CALLS))

    def run(images: Tensor) -> None:
        latency = next(first, None)
        work = latency / 2 if latency else next(second)
        clock.wall += latency or work
        clock.cpu += work

    quiet = Inference(
        call=run, images=one.images, form="eager", runtime="r", precision="fp32", threads=1
    )
    (measured,) = time_inference([quiet], BLOCKS, gate)
    assert (measured.p50_s, measured.attempts, measured.contaminated) == (3.0, 2, False)


def test_a_wide_spread_is_measured_again_and_the_narrowest_is_kept(
    clock: Clock, gate: DeviceGate
) -> None:
    wide, narrower = (1.0, 2.0, 3.0) * 7, (1.6, 2.0, 2.4) * 7
    config = BLOCKS.model_copy(update={"max_spread": 0.1, "max_attempts": 3})
    one = inference(clock, attempt(*wide), attempt(*narrower), attempt(*wide))
    (measured,) = time_inference([one], config, gate)
    assert measured.spread == pytest.approx(0.4)
    assert (measured.attempts, measured.wide_spread) == (3, True)


def test_a_measurement_that_others_passed_is_repeated_under_a_new_lease(
    clock: Clock, gate: DeviceGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks = iter([True, False])
    monkeypatch.setattr(Lease, "is_broken", lambda _: next(breaks))
    monkeypatch.setattr(Lease, "let_others_through", lambda _: 0.0)
    renewed: list[Lease] = []
    monkeypatch.setattr(Lease, "renew", lambda lease: renewed.append(lease))
    config = BLOCKS.model_copy(update={"max_attempts": 1})
    one = inference(clock, attempt(*(9.0,) * CALLS), attempt(*(2.0,) * CALLS))
    (measured,) = time_inference([one], config, gate)
    assert (measured.p50_s, measured.attempts, measured.contaminated) == (2.0, 2, False)
    assert len(renewed) == 1


def test_the_eager_network_is_evaluated_without_gradients_and_with_its_conditions(
    gate: DeviceGate,
) -> None:
    seen: list[tuple[bool, bool]] = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(192, 5))

        def forward(self, images: Tensor) -> Tensor:
            seen.append((self.training, torch.is_grad_enabled()))
            logits: Tensor = self.body(images)
            return logits

    network = Watched().train()
    statistics = {name: value.clone() for name, value in network.state_dict().items()}
    images = torch.randn(4, 3, 8, 8)
    (measured,) = time_inference([eager_inference(network, images, "bf16")], BLOCKS, gate)
    assert set(seen) == {(False, False)}
    for name, value in network.state_dict().items():
        assert torch.equal(value, statistics[name])
    assert measured.p95_s >= measured.p50_s > 0
    assert (measured.batch_size, measured.image_size, measured.precision) == (4, 8, "bf16")
    assert (measured.form, measured.runtime) == ("eager", f"torch {torch.__version__}")
    assert (measured.threads, measured.clock) == (torch.get_num_threads(), "wall")
    assert measured.device


def test_the_eager_call_returns_the_logits_as_float32() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
    images = torch.randn(2, 3, 8, 8)
    logits = eager_inference(network, images, "bf16").call(images)
    assert isinstance(logits, Tensor)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(logits, network(images).detach(), rtol=0.05, atol=0.05)
