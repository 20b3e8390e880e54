"""Measurement of a step time table: every part of a space, and a few networks."""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from rich.progress import Progress

from search_space.architecture import Architecture
from search_space.parts import Part, network_parts, space_parts
from search_space.space import SearchSpace
from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate
from trainer.device.naming import device_name
from trainer.step_table.part_step import part_step
from trainer.step_table.table import StepTable, TableConditions
from trainer.timing.step_time import StepTime
from trainer.timing.step_timer import time_steps
from trainer.timing.synthetic_step import StepSettings, synthetic_step
from trainer.timing.training_step import Step

Timer = Callable[[Sequence[Step], TimingConfig, DeviceGate], tuple[StepTime, ...]]

# Shorter blocks than in the timing of a candidate: a space has hundreds of parts, and the error
# of a single one has little effect on the sum.
PART_TIMING = TimingConfig(blocks=5, block_seconds=0.02, max_spread=0.15, max_attempts=1)
NETWORK_TIMING = TimingConfig()
# Number of parts that are timed alternately with the reference network in one lease.
GROUP = 4
NETWORKS = 8
# Passes over all parts; the median of a part's times is used. The times of one part are far
# apart, so that a temporary disturbance, such as other load, affects at most one of them.
PASSES = 3
# Networks that are sampled for each measured one; the measured ones are evenly spaced among them
# by their sum of parts.
SAMPLES_PER_NETWORK = 16


def table_conditions(
    space: SearchSpace, image_size: int, settings: StepSettings
) -> TableConditions:
    """Return the conditions of a table that is measured by this process."""
    return TableConditions(
        space=space.name,
        space_content=space.digest(),
        num_classes=settings.num_classes,
        image_size=image_size,
        batch_size=settings.batch_size,
        precision=settings.resolved_precision,
        optimizer=settings.optimizer,
        device=device_name(settings.device),
        torch_version=torch.__version__,
    )


def build_step_table(
    space: SearchSpace,
    image_size: int,
    settings: StepSettings,
    gate: DeviceGate,
    *,
    networks: int = NETWORKS,
    memory_limit_bytes: int | None = None,
    progress: Progress | None = None,
    timer: Timer = time_steps,
) -> StepTable:
    """Time every part of `space`, and a few networks that calibrate the sums.

    Args:
        space: The search space.
        image_size: Side of the square images, pixels.
        settings: Batch size, classes, device, optimizer and precision.
        gate: Gate of the device; held alone for a few seconds at a time.
        networks: Number of networks to measure, >= 3.
        memory_limit_bytes: Networks with a predicted training memory above this limit are not
            measured; None for no limit.
        progress: Shows the number of timed parts and networks; None shows nothing.
        timer: Measures steps alternately.

    Raises:
        ValueError: If too few networks of the space fit the memory.
    """
    started, progress = time.monotonic(), progress or Progress(disable=True)
    reference = synthetic_step(space.reference(), image_size, settings)
    relative_timer = _RelativeTimer(reference, gate, timer, progress)
    distinct = space_parts(space, image_size)
    times = relative_timer.medians(
        [partial(part_step, part, settings) for part in distinct],
        PART_TIMING,
        group=GROUP,
        name="parts",
    )
    parts = dict(zip(distinct, times, strict=True))
    chosen = _calibration_networks(
        space, image_size, settings, parts, networks, memory_limit_bytes
    )
    times = relative_timer.medians(
        [partial(synthetic_step, network, image_size, settings) for network in chosen],
        NETWORK_TIMING,
        group=1,
        name="networks",
    )
    return StepTable.calibrated(
        table_conditions(space, image_size, settings),
        parts,
        dict(zip(chosen, times, strict=True)),
        reference_step_time_s=float(np.median(relative_timer.reference_seconds)),
        seconds=time.monotonic() - started,
    )


class _RelativeTimer:
    """Times steps alternately with the reference network's, and keeps the latter's times."""

    def __init__(
        self, reference: Step, gate: DeviceGate, timer: Timer, progress: Progress
    ) -> None:
        self._reference, self._gate, self._timer = reference, gate, timer
        self._progress = progress
        self.reference_seconds: list[float] = []

    def medians(
        self, makers: Sequence[Callable[[], Step]], config: TimingConfig, *, group: int, name: str
    ) -> list[float]:
        """Return the median over `PASSES` of each step's time / the reference's.

        Args:
            makers: Functions that make the steps; a step exists only while it is timed.
            config: Settings of the timing.
            group: Number of steps that are timed alternately in one lease of the device.
            name: Name of the steps in the progress display.
        """
        times: list[list[float]] = [[] for _ in makers]
        starts = PASSES * list(range(0, len(makers), group))
        task = self._progress.add_task(name, total=len(starts))
        for start in starts:
            steps = [make() for make in makers[start : start + group]]
            reference, *others = self._timer([self._reference, *steps], config, self._gate)
            del steps  # before the next ones are made: two large networks may not fit
            self.reference_seconds.append(reference.step_time_s)
            for index, other in enumerate(others, start):
                times[index].append(other.step_time_s / reference.step_time_s)
            self._progress.advance(task)
        return [float(np.median(of_step)) for of_step in times]


def _calibration_networks(
    space: SearchSpace,
    image_size: int,
    settings: StepSettings,
    parts: dict[Part, float],
    count: int,
    memory_limit_bytes: int | None,
) -> list[Architecture]:
    """Return `count` networks of a random sample, evenly spaced by their sum of parts."""
    rng = random.Random(0)
    sampled: dict[str, tuple[float, Architecture]] = {}
    for _ in range(SAMPLES_PER_NETWORK * count):
        architecture = space.architecture(space.sample(rng))
        needed = settings.memory_bytes(architecture, image_size)
        if memory_limit_bytes is None or needed <= memory_limit_bytes:
            total = sum(parts[part] for part in network_parts(architecture, image_size))
            sampled[architecture.key] = (total, architecture)
    ordered = [
        architecture for _, architecture in sorted(sampled.values(), key=lambda one: one[0])
    ]
    if len(ordered) < max(count, 3):
        raise ValueError(
            f"a table of step times needs {max(count, 3)} distinct networks of {space.name} "
            f"that fit the memory at batch {settings.batch_size}, got {len(ordered)}"
        )
    places = np.linspace(0, len(ordered) - 1, count).round().astype(int)
    return [ordered[place] for place in places]
