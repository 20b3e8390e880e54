"""Output of `nas-train --dry-run`: the phases with their memory and their time."""

from rich.table import Table

from search_space.command_line.terminal import PlainConsole
from trainer.data.progress import progress_bar
from trainer.fit.batch_size_finder import BatchSizeFinder, PhaseBatch
from trainer.fit.processes import Processes
from trainer.fit.request import TrainRequest
from trainer.run.display import ConsoleDisplay

# RA is the magnitude of RandAugment. The table must fit 80 characters.
COLUMNS = (
    *("#", "px", "RA", "mixup", "cutmix", "drop"),
    *("steps", "batch", "accum.", "memory", "step", "time"),
)


def show_plan(request: TrainRequest, workers: int, display: ConsoleDisplay) -> None:
    """Print every phase with its memory and time, for a number of processes that share a step.

    Nothing is trained or written. A progress bar goes to stderr.

    Raises:
        ValueError: If the smallest batch of a phase does not fit the memory.
    """
    plan = request.plan
    processes = Processes(size=workers, on_host=workers, device=request.device)
    finder = BatchSizeFinder(request=request, processes=processes)
    batches = finder.predicted()
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    step_times = _time_phases(finder, batches)
    rows = zip(plan.phases, batches, plan.steps_in_phases(), step_times, strict=True)
    total = 0.0
    for number, (phase, batch, steps, seconds) in enumerate(rows, start=1):
        total += steps * seconds
        table.add_row(
            str(number),
            str(phase.image_size),
            f"{phase.randaug_magnitude:.4g}",
            f"{phase.mixup_alpha:.3g}",
            f"{phase.cutmix_alpha:.3g}",
            f"{phase.dropout:.3g}",
            str(steps),
            str(batch.batch_size),
            str(batch.accumulation),
            f"{batch.predicted_bytes / 2**30:.2f}G",
            f"{seconds * 1e3:.1f} ms",
            _duration(steps * seconds),
        )
    display.print(
        f"{request.file.name} ({request.file.architecture.key}): {plan.total_steps} steps of "
        f"{request.recipe.batch_size} images; an epoch is {plan.num_images:,} images"
        + (f"; batch, memory and step of each of {workers} workers" if workers > 1 else "")
    )
    display.console.print(table)
    fixed = max(step_times) * plan.total_steps
    display.print(
        f"about {_duration(total)} of training steps; at the largest size throughout "
        f"{_duration(fixed)}, so {1 - total / fixed:.0%} less"
    )


def _time_phases(finder: BatchSizeFinder, batches: tuple[PhaseBatch, ...]) -> list[float]:
    """Return the seconds of a step of every phase; for a large network on a CPU in minutes."""
    with progress_bar(
        "timing a step of every phase", console=PlainConsole(stderr=True)
    ) as progress:
        phases = progress.track(finder.request.plan.phases)
        return [finder.step_seconds(*one) for one in zip(phases, batches, strict=True)]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
