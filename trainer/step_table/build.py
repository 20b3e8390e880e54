"""Measures a table of step times: every part of a space, and a few whole networks."""

import random
import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch

from search_space.architecture import Architecture
from search_space.parts import Part, network_parts, space_parts
from search_space.space import SearchSpace
from trainer.config import TimingConfig
from trainer.device.gate import DeviceGate
from trainer.device.naming import device_name
from trainer.step_table.part_step import part_step
from trainer.step_table.table import Conditions, MeasuredNetwork, StepTable
from trainer.timing.step_time import StepTime
from trainer.timing.step_timer import time_steps
from trainer.timing.synthetic_step import StepSettings, synthetic_step
from trainer.timing.training_step import Step

Timer = Callable[[Sequence[Step], TimingConfig, DeviceGate], tuple[StepTime, ...]]
OnProgress = Callable[[str, int, int], None]

# Shorter blocks than a candidate's own timing: a space has hundreds of parts, and what is wanted
# of each is its share of a sum.
PART_TIMING = TimingConfig(blocks=5, block_seconds=0.02, max_spread=0.15, max_attempts=1)
NETWORK_TIMING = TimingConfig()
# Parts that are timed in turn with the reference network, under one lease of the device.
GROUP = 4
NETWORKS = 8
# Measurements of everything, of which the median counts; one pass over all after another, so that
# what disturbs one, such as a neighbour on a shared machine, is gone by the next.
PASSES = 3
# Networks drawn for each that is measured: those measured lie evenly among them, by sum of parts.
DRAWN = 16


def table_conditions(space: SearchSpace, image_size: int, settings: StepSettings) -> Conditions:
    """Return the conditions of a table that is made here and now."""
    return Conditions(
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
    on_progress: OnProgress | None = None,
    timer: Timer = time_steps,
) -> StepTable:
    """Time every part of `space`, and some whole networks to put the sums right.

    Args:
        space: The search space.
        image_size: Side of the square images, pixels.
        settings: Batch, classes, device, optimizer and precision.
        gate: The device's gate; held alone for a few seconds at a time.
        networks: Whole networks to measure, >= 3.
        memory_limit_bytes: A network whose predicted training memory is above this is not
            measured; None for no limit.
        on_progress: Told what is timed, how many are done, and how many there are.
        timer: Measures steps in turn.

    Raises:
        ValueError: If fewer than three networks of the space fit the memory.
    """
    started, report = time.monotonic(), on_progress or _say_nothing
    reference = synthetic_step(space.reference(), image_size, settings)
    clock = _Clock(reference, gate, timer)
    wanted = space_parts(space, image_size)
    times = clock.medians(
        [partial(part_step, part, settings) for part in wanted],
        PART_TIMING,
        group=GROUP,
        on_progress=partial(report, "parts"),
    )
    parts = dict(zip(wanted, times, strict=True))
    chosen = _calibration_networks(
        space, image_size, settings, parts, networks, memory_limit_bytes
    )
    times = clock.medians(
        [partial(synthetic_step, network, image_size, settings) for network in chosen],
        NETWORK_TIMING,
        group=1,
        on_progress=partial(report, "networks"),
    )
    measured = [
        MeasuredNetwork(architecture=network, relative_step_time=relative)
        for network, relative in zip(chosen, times, strict=True)
    ]
    return StepTable.calibrated(
        table_conditions(space, image_size, settings),
        parts,
        measured,
        reference_step_time_s=float(np.median(clock.reference_seconds)),
        seconds=time.monotonic() - started,
    )


def _say_nothing(_what: str, _done: int, _total: int) -> None:
    """Report to nobody."""


class _Clock:
    """Times steps in turn with the reference network's, and remembers the latter's times."""

    def __init__(self, reference: Step, gate: DeviceGate, timer: Timer) -> None:
        self._reference, self._gate, self._timer = reference, gate, timer
        self.reference_seconds: list[float] = []

    def medians(
        self,
        makers: Sequence[Callable[[], Step]],
        config: TimingConfig,
        *,
        group: int,
        on_progress: Callable[[int, int], None],
    ) -> list[float]:
        """Return the median of each step's times relative to the reference's.

        Args:
            makers: Make the steps; a step lives only while it is timed.
            config: How to time them.
            group: Steps that are timed in turn under one lease of the device.
            on_progress: Told how many measurements are done, and how many there are.
        """
        times: list[list[float]] = [[] for _ in makers]
        total = PASSES * len(makers)
        for number in range(PASSES):
            for start in range(0, len(makers), group):
                on_progress(number * len(makers) + start, total)
                steps = [make() for make in makers[start : start + group]]
                reference, *others = self._timer([self._reference, *steps], config, self._gate)
                del steps  # before the next are made: two large networks may not fit
                self.reference_seconds.append(reference.step_time_s)
                for place, other in enumerate(others, start):
                    times[place].append(other.step_time_s / reference.step_time_s)
        return [float(np.median(of_step)) for of_step in times]


def _calibration_networks(
    space: SearchSpace,
    image_size: int,
    settings: StepSettings,
    parts: dict[Part, float],
    count: int,
    memory_limit_bytes: int | None,
) -> list[Architecture]:
    """Return `count` networks whose sums of parts lie evenly among those of a random sample."""
    rng = random.Random(0)
    drawn: dict[str, tuple[float, Architecture]] = {}
    for _ in range(DRAWN * count):
        architecture = space.architecture(space.sample(rng))
        needed = settings.memory_bytes(architecture, image_size)
        if memory_limit_bytes is None or needed <= memory_limit_bytes:
            total = sum(parts[part] for part in network_parts(architecture, image_size))
            drawn[architecture.key] = (total, architecture)
    ordered = [architecture for _, architecture in sorted(drawn.values(), key=lambda one: one[0])]
    if len(ordered) < max(count, 3):
        raise ValueError(
            f"a table of step times needs {max(count, 3)} distinct networks of {space.name} "
            f"that fit the memory at batch {settings.batch_size}, got {len(ordered)}"
        )
    places = np.linspace(0, len(ordered) - 1, count).round().astype(int)
    return [ordered[place] for place in places]
