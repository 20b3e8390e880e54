"""What nas-search found before it begins, and how long it will take."""

import random
from collections.abc import Sequence
from statistics import fmean

from nas.candidate import Record
from nas.evaluation.memory_need import memory_note
from nas.report.time_left import (
    MeasuredJobs,
    SearchWork,
    candidates_left_s,
    finalists_left_s,
    planned_s,
)
from nas.settings.config import SearchConfig
from search_space.command_line.progress_line import clock
from search_space.counted import counted
from search_space.nearest import NearestPoint
from search_space.space import SearchSpace
from trainer.data.cache.images import CachedImages
from trainer.data.overview import Row, image_rows
from trainer.device.naming import cpu_name
from trainer.proxy.task import proxy_split
from trainer.step_table.table import StepTable

SAMPLED = 64  # networks whose predicted step times are averaged


def search_rows(config: SearchConfig, space: SearchSpace, images: CachedImages) -> list[Row]:
    """Return the rows on images, space, candidates, finalists and device."""
    proxy = config.proxy
    training, held_out = proxy_split(proxy, images)
    sizes = [rung.phase.image_size for rung in config.training_rungs]
    epochs = counted(proxy.epochs, "epoch")
    rungs = f"in {len(sizes)} rungs, {sizes[0]} to {sizes[-1]} px" if len(sizes) > 1 else ""
    unused = ", ".join(name for name in images.splits if name != "train")
    return [
        *image_rows(images),
        (
            "split",
            f"{len(training):,} to train, {len(held_out):,} held out to measure accuracy"
            + (f"; {unused} is not used" if unused else ""),
        ),
        (
            "space",
            f"{config.space}: {space.size():,} networks, of which {config.budget:,} are tried "
            f"(sampler {config.sampler})",
        ),
        (
            "training",
            f"{epochs} {rungs or f'at {proxy.image_size} px'} for each candidate, batches of "
            f"{proxy.batch_size}",
        ),
        ("finalists", _finalists(config)),
        ("runs on", _device(config)),
    ]


def time_rows(
    config: SearchConfig,
    space: SearchSpace,
    images: CachedImages,
    table: StepTable | None,
    records: Sequence[Record],
) -> list[Row]:
    """Return the rows on what is done, and on the time of the rest, finalists included.

    Finished candidates tell it, or else a table of step times: by the mean of random networks, and
    the duration of their timing. A table does not predict evaluations and augmentation.

    Args:
        config: The search.
        space: The search space.
        images: The decoded images.
        table: The table; None without one.
        records: The candidates of earlier sessions.
    """
    work, rows, how = SearchWork.of(config), list[Row](), ""
    done = sum(record.outcome.is_charged for record in records)
    if done:
        rows.append(("so far", f"{done:,} of {config.budget:,} candidates are finished"))
        measured = MeasuredJobs(work, records)
        candidates, finalists = candidates_left_s(measured), finalists_left_s(measured, 0)
        how = ", by those so far"
    elif table is not None:
        candidates, finalists = _planned(config, space, images, table)
        how = ", by the table of step times, if nothing else runs"
    else:
        candidates = finalists = None
    if done >= config.budget:
        return rows
    if candidates is None or finalists is None:
        return [*rows, ("time", "known after the first candidate")]
    part = f", {clock(finalists)} of it for the finalists" if finalists else ""
    return [*rows, ("time", f"about {clock(candidates + finalists)}{part}{how}")]


def opening_notes(
    config: SearchConfig,
    space: SearchSpace,
    images: CachedImages,
    starts: Sequence[NearestPoint],
) -> list[str]:
    """Return the notes on networks to start from, and on workers that have too little memory."""
    memory = memory_note(config, space, images.num_classes)
    return [*(start.note() for start in starts), *([memory] if memory else [])]


def _planned(
    config: SearchConfig, space: SearchSpace, images: CachedImages, table: StepTable
) -> tuple[float, float]:
    """Return the predicted time of the candidates and of the finalists, seconds."""
    rng, proxy = random.Random(0), config.proxy
    networks = [space.architecture(space.sample(rng)) for _ in range(SAMPLED)]
    step_s = table.reference_step_time_s * fmean(map(table.relative_step_time, networks))
    training, _ = proxy_split(proxy, images)
    steps = proxy.epochs * len(training) / proxy.batch_size
    per_work_s = step_s * steps / (proxy.epochs * proxy.image_size**2)
    block_s = max(proxy.timing.block_seconds, step_s)
    # The reference network is timed too.
    timing_s = 2 * (proxy.timing.blocks * block_s + proxy.timing.warmup_steps * step_s)
    return planned_s(SearchWork.of(config), per_work_s=per_work_s, timing_s=timing_s)


def _finalists(config: SearchConfig) -> str:
    if config.num_finalists == 0:
        return "none: the best candidate wins (--finalists)"
    trainings = counted(config.finalist_seeds, "further training")
    epochs = counted(config.epochs_of_finalists, "epoch")
    return f"the best {config.num_finalists}, each with {trainings} of {epochs}"


def _device(config: SearchConfig) -> str:
    several = counted(config.workers, "worker")
    where = "this machine" if config.address is None else f"the cluster at {config.address}"
    on_cpu = config.gpus_per_worker == 0
    device = "a CPU core" if on_cpu else f"{config.gpus_per_worker:g} GPU"
    device += " each" if config.workers > 1 else ""
    if on_cpu and config.address is None:
        device += f" ({cpu_name()})"
    return f"{where}: {several} with {device}, {config.proxy.precision}"
