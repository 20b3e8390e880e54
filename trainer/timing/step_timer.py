"""Median time of training steps, measured while they have their device alone.

A step is forward pass, loss, backward pass and optimizer update on images that are on the
device already; augmentation is excluded. On a CPU the clock is process CPU time, on which other
processes have little effect. On a GPU the whole step is a CUDA graph timed with device events,
so that launch overhead is not measured. Several networks are timed alternately, block by block,
so that a drifting clock or a throttled device cancels in their ratio.
"""

import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate, Lease
from trainer.device.naming import device_name
from trainer.timing.attempts import CONTENTION, repeated
from trainer.timing.step_time import StepTime
from trainer.timing.training_step import CpuStep, CudaGraphStep, Step, TimedStep

Times = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Seconds per step (networks, blocks), and whether another process disturbed them.

    It is broken if others did not respect the lease, because this process was stopped.
    """

    times: Times
    contaminated: bool
    is_broken: bool = False

    @property
    def spread(self) -> float:
        return max(relative_spread(row) for row in self.times)


def time_steps(
    steps: Sequence[Step], config: TimingConfig, gate: DeviceGate
) -> tuple[StepTime, ...]:
    """Time several training steps alternately, alone on their device.

    A measurement with a spread above ``config.max_spread`` for any step is repeated, up to
    ``config.max_attempts`` times. The one with the smallest spread is returned; `spread`,
    `wide_spread`, `attempts` and `contaminated` describe its quality. So is one during which
    this process was stopped and others used the device meanwhile, see `repeated`; if all were
    disturbed so, `contaminated` says it. Waiting training steps get the device between blocks
    if the measurement takes long, see `Lease.let_others_through`.

    Args:
        steps: The steps, all on one device; the batch is never reduced to make them fit.
        config: Number of blocks and accepted spread.
        gate: Gate of the device, held alone during warm-up and timing.

    Returns:
        One `StepTime` for each of `steps`, in their order.
    """
    device = steps[0].images.device
    on_gpu = device.type == "cuda"
    with gate.lease() as lease, torch.cuda.device(device) if on_gpu else nullcontext():
        timed = [_timed(step) for step in steps]
        counts = [_steps_per_block(step, config, lease) for step in timed]
        attempts = repeated(
            lambda: _time_alternately(timed, counts, config.blocks, lease),
            lambda attempt: attempt.spread <= config.max_spread,
            lease,
            max_attempts=config.max_attempts,
        )
        kept = min(attempts, key=lambda attempt: (attempt.is_broken, attempt.spread))
        rows = zip(steps, timed, kept.times, strict=True)
        wide = kept.spread > config.max_spread
        return tuple(_step_time(*row, kept, len(attempts), wide_spread=wide) for row in rows)


def relative_spread(values: Times) -> float:
    """Return the interquartile range of `values` (n,) divided by their median."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return float((high - low) / middle)


def _timed(step: Step) -> TimedStep:
    return CudaGraphStep(step) if step.images.device.type == "cuda" else CpuStep(step)


def _steps_per_block(step: TimedStep, config: TimingConfig, lease: Lease) -> int:
    """Warm up, and return the number of steps in a block."""
    for _ in range(config.warmup_steps):
        step.block(1)
        lease.let_others_through()
    return max(1, round(config.block_seconds / max(step.block(1), 1e-9)))


def _time_alternately(
    steps: Sequence[TimedStep], counts: Sequence[int], blocks: int, lease: Lease
) -> _Attempt:
    times = np.empty((len(steps), blocks))
    wall, cpu = time.perf_counter(), time.thread_time()
    away = 0.0
    for column in range(blocks):
        for row, (step, count) in enumerate(zip(steps, counts, strict=True)):
            times[row, column] = step.block(count)
            if seconds := lease.let_others_through():
                away += seconds
                steps[(row + 1) % len(steps)].block(1)  # warm again, for the next block
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    # While a GPU works, the host's thread waits, so the ratio is meaningful on a CPU only.
    on_cpu = steps[0].clock == CpuStep.clock
    is_broken, disturbed = lease.is_broken(), on_cpu and wall - away > CONTENTION * cpu
    return _Attempt(times, contaminated=is_broken or disturbed, is_broken=is_broken)


def _step_time(
    step: Step,
    timed: TimedStep,
    blocks: Times,
    kept: _Attempt,
    attempts: int,
    *,
    wide_spread: bool,
) -> StepTime:
    median = float(np.median(blocks))
    parts = np.array(timed.parts(3))
    # Measured separately, and scaled so that they add up to the median.
    forward, backward, update = (parts * (median / parts.sum())).tolist()
    batch_size, image_size = step.images.shape[0], step.images.shape[-1]
    return StepTime(
        step_time_s=median,
        spread=relative_spread(blocks),
        forward_s=forward,
        backward_s=backward,
        optimizer_s=update,
        samples_per_sec=batch_size / median,
        peak_memory_bytes=timed.peak_memory_bytes(),
        batch_size=batch_size,
        image_size=image_size,
        precision=step.precision,
        repeats=len(blocks),
        attempts=attempts,
        contaminated=kept.contaminated,
        clock=timed.clock,
        device=device_name(step.images.device),
        torch_version=torch.__version__,
        wide_spread=wide_spread,
    )
