"""What `nas-train --dry-run` shows: the phases, their memory and their time."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from trainer.fit.preflight import PhaseBudget, Workload, phase_budgets, step_seconds
from trainer.run.request import TrainRun, plan_of, train_split, workload_of

# Of the table; RA is RandAugment's magnitude. It must fit 80 characters.
COLUMNS = (
    *("#", "px", "RA", "mixup", "cutmix", "drop"),
    *("steps", "batch", "accum.", "memory", "step", "time"),
)


def show_plan(run: TrainRun, workers: int, console: Console) -> None:
    """Print every phase with what it costs; nothing is trained or written.

    Args:
        run: What would be trained, and how.
        workers: Processes that would share a step.
        console: Where to print; how far it is goes to stderr.

    Raises:
        ValueError: If not even the smallest batch of a phase fits the memory.
    """
    plan = plan_of(run, train_split(run))
    work = workload_of(run, plan, workers, on_host=workers)
    budgets = phase_budgets(work)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="right", no_wrap=True)
    every = _step_seconds(work, budgets)
    rows = zip(plan.phases, budgets, plan.steps_in_phases(), every, strict=True)
    total = 0.0
    for number, (phase, budget, steps, seconds) in enumerate(rows, start=1):
        total += steps * seconds
        table.add_row(
            str(number),
            str(phase.image_size),
            f"{phase.randaug_magnitude:.4g}",
            f"{phase.mixup_alpha:.3g}",
            f"{phase.cutmix_alpha:.3g}",
            f"{phase.dropout:.3g}",
            str(steps),
            str(budget.batch_size),
            str(budget.accumulation),
            f"{budget.predicted_bytes / 2**30:.2f}G",
            f"{seconds * 1e3:.1f} ms",
            _duration(steps * seconds),
        )
    console.print(
        f"{run.file.name} ({work.architecture.key}): {plan.total_steps} steps of "
        f"{run.recipe.batch_size} images, {plan.num_images} of them an epoch"
        + (f"; batch, memory and step of each of {workers} workers" if workers > 1 else ""),
        highlight=False,
        soft_wrap=True,
    )
    console.print(table)
    fixed = max(every) * plan.total_steps
    console.print(
        f"about {_duration(total)} of training steps; at the largest size throughout "
        f"{_duration(fixed)}, so {1 - total / fixed:.0%} less",
        highlight=False,
        soft_wrap=True,
    )


def _step_seconds(work: Workload, budgets: tuple[PhaseBudget, ...]) -> list[float]:
    """Time a step of every phase; a large network on a CPU takes minutes for that."""
    console = Console(stderr=True)
    with Progress(
        TextColumn("timing a step of every phase"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        phases = progress.track(work.plan.phases)
        return [step_seconds(work, *one) for one in zip(phases, budgets, strict=True)]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
