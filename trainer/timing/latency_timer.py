"""Latency of inference, measured call by call while it has its device alone.

The clock is wall time, because that is what waits for an answer: on a GPU it includes the launch
of the kernels and the way of the outputs to the host, on a CPU all threads at once. Other
processes change wall time far more than CPU time. So training steps of this package wait
meanwhile (`trainer.device.gate`), the calls of one thread are compared with its CPU time, and a
measurement that another program disturbed is repeated. Several networks are timed alternately,
block by block, so that a drifting clock or a throttled device cancels in their ratio.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from trainer.config import Precision, TimingConfig
from trainer.device.gate import DeviceGate, Lease
from trainer.device.naming import device_name
from trainer.device.precision import autocast
from trainer.timing.attempts import CONTENTION, repeated
from trainer.timing.inference_latency import InferenceLatency
from trainer.timing.step_timer import Times, relative_spread

MIN_CALLS = 20  # of a measurement, so that one in twenty can be above p95
MAX_CALLS_PER_BLOCK = 1000

CLOCK = "wall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """A callable from images to outputs, and the images that it is timed with.

    Attributes:
        call: Computes the outputs of `images`. It need not wait for the device.
        images: A batch (batch, channels, side, side), in the memory of the device.
        form: "eager", the network as PyTorch runs it, or "exported".
        runtime: Library that computes, with its version.
        precision: Arithmetic of the network.
        threads: Threads that compute on a CPU.
    """

    call: Callable[[Tensor], object]
    images: Tensor
    form: Literal["eager", "exported"]
    runtime: str
    precision: Precision
    threads: int

    def run(self) -> None:
        """Compute the outputs, and wait until the device has done so."""
        self.call(self.images)
        if self.images.device.type == "cuda":
            torch.cuda.synchronize(self.images.device)


def eager_inference(network: nn.Module, images: Tensor, precision: Precision) -> Inference:
    """Return the inference of a network as PyTorch runs it, without compilation.

    The network is set to evaluation mode.

    Args:
        network: Maps images to logits, on the device of `images`.
        images: A batch (batch, channels, side, side), float32.
        precision: Arithmetic of the forward pass.
    """

    def logits_on_host(images: Tensor) -> Tensor:
        with torch.inference_mode(), autocast(images.device, precision):
            logits: Tensor = network(images)
        return logits.float().cpu()

    network.eval()
    return Inference(
        call=logits_on_host,
        images=images,
        form="eager",
        runtime=f"torch {torch.__version__}",
        precision=precision,
        threads=torch.get_num_threads(),
    )


def time_inference(
    inferences: Sequence[Inference], config: TimingConfig, gate: DeviceGate
) -> tuple[InferenceLatency, ...]:
    """Time the calls of several networks alternately, alone on their device.

    Warm-up calls are discarded, and so is the first call of each block, which finds the caches
    as the other networks left them. A measurement that another process disturbed, or with a
    spread above ``config.max_spread``, is repeated up to ``config.max_attempts`` times. The
    least disturbed one with the smallest spread is returned; `spread`, `wide_spread`, `attempts`
    and `contaminated` describe its quality.

    Args:
        inferences: What to time, all on one device.
        config: Number of blocks, their length, and the accepted spread. A block has as many
            calls as fit its length, and at least so many that `MIN_CALLS` are timed in all.
        gate: Gate of the device, held alone during warm-up and timing.

    Returns:
        One `InferenceLatency` for each of `inferences`, in their order.
    """
    with gate.lease() as lease:
        counts = [_calls_per_block(one, config, lease) for one in inferences]
        attempts = repeated(
            lambda: _time_alternately(inferences, counts, config.blocks, lease),
            lambda attempt: not attempt.contaminated and attempt.spread <= config.max_spread,
            lease,
            max_attempts=config.max_attempts,
        )
    kept = min(attempts, key=lambda one: (one.is_broken, one.contaminated, one.spread))
    wide = kept.spread > config.max_spread
    return tuple(
        _latency(inference, calls, kept, len(attempts), wide_spread=wide)
        for inference, calls in zip(inferences, kept.calls, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Calls:
    """Seconds of each timed call of one network, (n,)."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, inference: Inference) -> None:
        cpu, wall = time.thread_time(), time.perf_counter()
        inference.run()
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.thread_time() - cpu)

    @property
    def latencies(self) -> Times:
        return np.array(self.wall)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The calls of each network, and whether another process disturbed them."""

    calls: tuple[_Calls, ...]
    contaminated: bool
    is_broken: bool

    @property
    def spread(self) -> float:
        return max(relative_spread(one.latencies) for one in self.calls)


def _calls_per_block(inference: Inference, config: TimingConfig, lease: Lease) -> int:
    """Warm up, and return the number of timed calls in a block.

    The shortest call tells their number: another process may disturb a single one.
    """
    trial = _Calls()
    for _ in range(config.warmup_steps + 1):
        trial.add(inference)
        lease.let_others_through()
    wanted = min(config.block_seconds / max(min(trial.wall), 1e-9), MAX_CALLS_PER_BLOCK)
    return max(math.ceil(MIN_CALLS / config.blocks), round(wanted))


def _time_alternately(
    inferences: Sequence[Inference], counts: Sequence[int], blocks: int, lease: Lease
) -> _Attempt:
    calls = tuple(_Calls() for _ in inferences)
    for _ in range(blocks):
        for inference, count, timed in zip(inferences, counts, calls, strict=True):
            lease.let_others_through()
            inference.run()
            for _ in range(count):
                timed.add(inference)
    is_broken = lease.is_broken()
    disturbed = any(
        _has_cpu_time(inference) and sum(timed.wall) > CONTENTION * sum(timed.cpu)
        for inference, timed in zip(inferences, calls, strict=True)
    )
    return _Attempt(calls, contaminated=is_broken or disturbed, is_broken=is_broken)


def _has_cpu_time(inference: Inference) -> bool:
    """Return whether the calling thread does all the work, so that its CPU time is the call's."""
    return inference.images.device.type == "cpu" and inference.threads == 1


def _latency(
    inference: Inference, calls: _Calls, kept: _Attempt, attempts: int, *, wide_spread: bool
) -> InferenceLatency:
    latencies = calls.latencies
    p50, p95 = (float(value) for value in np.percentile(latencies, [50, 95]))
    batch_size, image_size = inference.images.shape[0], inference.images.shape[-1]
    return InferenceLatency(
        p50_s=p50,
        p95_s=p95,
        cpu_s=float(np.median(calls.cpu)) if _has_cpu_time(inference) else None,
        spread=relative_spread(latencies),
        samples_per_sec=batch_size / p50,
        batch_size=batch_size,
        image_size=image_size,
        form=inference.form,
        runtime=inference.runtime,
        precision=inference.precision,
        threads=inference.threads,
        repeats=len(latencies),
        attempts=attempts,
        contaminated=kept.contaminated,
        wide_spread=wide_spread,
        clock=CLOCK,
        device=device_name(inference.images.device),
        torch_version=torch.__version__,
    )
