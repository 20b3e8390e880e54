"""Median seconds of a training step, measured with the device to itself.

A step is forward, loss, backward and optimizer update, on images that are already on the
device; augmentation is left out. On a CPU the clock is process CPU time, which a busy neighbour
hardly changes; on a GPU the whole step is a CUDA graph timed with device events, so that launch
overhead does not pose as the network's cost. Several networks are timed in turn, block by
block, so that a drifting clock or a throttled device cancels in their ratio.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate
from trainer.device.naming import device_name
from trainer.timing.cpu import CpuStep
from trainer.timing.cuda_graph import CudaGraphStep
from trainer.timing.step_time import StepTime
from trainer.timing.training_step import Step, TimedStep

# Wall time / CPU time of one thread above which something outside has disturbed a measurement.
CONTENTION = 1.05

Times = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Seconds per step (networks, blocks), and whether something outside disturbed them."""

    times: Times
    contaminated: bool

    @property
    def spread(self) -> float:
        return max(relative_spread(row) for row in self.times)


def time_steps(
    steps: Sequence[Step], config: TimingConfig, gate: DeviceGate
) -> tuple[StepTime, ...]:
    """Time several training steps in turn, alone on their device.

    A measurement whose spread is wider than ``config.max_spread`` for any of them is repeated,
    up to ``config.max_attempts`` times. The narrowest is returned, and tells through its
    `spread`, `wide_spread`, `attempts` and `contaminated` what it is worth.

    Args:
        steps: The steps, all on one device; the batch is never lowered to make them fit.
        config: How many blocks, and how wide a spread is accepted.
        gate: The device's gate; held alone while warming up and timing.

    Returns:
        One `StepTime` for each of `steps`, in their order.
    """
    with gate.lease():
        timed = [_timed(step) for step in steps]
        counts = [_steps_per_block(step, config) for step in timed]
        attempts: list[_Attempt] = []
        while len(attempts) < config.max_attempts:
            attempts.append(_time_in_turn(timed, counts, config.blocks))
            if attempts[-1].spread <= config.max_spread:
                break
        kept = min(attempts, key=lambda attempt: attempt.spread)
        return tuple(
            replace(
                _step_time(step, one, row, attempts=len(attempts)),
                contaminated=kept.contaminated,
                wide_spread=kept.spread > config.max_spread,
            )
            for step, one, row in zip(steps, timed, kept.times, strict=True)
        )


def relative_spread(values: Times) -> float:
    """Return the interquartile range of `values` / their median."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return float((high - low) / middle)


def _timed(step: Step) -> TimedStep:
    return CudaGraphStep(step) if step.images.device.type == "cuda" else CpuStep(step)


def _steps_per_block(step: TimedStep, config: TimingConfig) -> int:
    """Warm up, and return how many steps fill a block."""
    for _ in range(config.warmup_steps):
        step.block(1)
    return max(1, round(config.block_seconds / max(step.block(1), 1e-9)))


def _time_in_turn(steps: Sequence[TimedStep], counts: Sequence[int], blocks: int) -> _Attempt:
    times = np.empty((len(steps), blocks))
    wall, cpu = time.perf_counter(), time.thread_time()
    for column in range(blocks):
        for row, (step, count) in enumerate(zip(steps, counts, strict=True)):
            times[row, column] = step.block(count)
    wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
    # The host's thread is idle by right while a GPU works, so the ratio speaks of CPUs only.
    host_is_the_device = steps[0].clock == "process_cpu"
    return _Attempt(times, contaminated=host_is_the_device and wall > CONTENTION * cpu)


def _step_time(step: Step, timed: TimedStep, blocks: Times, *, attempts: int) -> StepTime:
    median = float(np.median(blocks))
    parts = np.array(timed.parts(3))
    forward, backward, update = parts * (median / parts.sum())  # parts of the step as timed
    batch_size, image_size = step.images.shape[0], step.images.shape[-1]
    return StepTime(
        step_time_s=median,
        spread=relative_spread(blocks),
        forward_s=float(forward),
        backward_s=float(backward),
        optimizer_s=float(update),
        samples_per_sec=batch_size / median,
        peak_memory_bytes=timed.peak_memory_bytes(),
        batch_size=batch_size,
        image_size=image_size,
        precision=step.precision,
        repeats=len(blocks),
        attempts=attempts,
        contaminated=False,
        clock=timed.clock,
        device=device_name(step.images.device),
        torch_version=torch.__version__,
    )
