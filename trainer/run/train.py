"""Wires a training together: images, plan, network, checkpoints, and what is left at the end."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from rich.console import Console
from torch import nn

from trainer.data.loading.order import ImageOrder
from trainer.data.loading.pixels import PixelStore
from trainer.data.loading.train_feed import TrainFeed
from trainer.device.gate import DeviceGate, device_key
from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.evaluation import Evaluation, EvaluationFeed, evaluate_images
from trainer.fit.loop import fit
from trainer.fit.plan import TrainPlan
from trainer.fit.preflight import PhaseBudget, phase_budgets, tried_budgets
from trainer.fit.processes import Processes
from trainer.fit.state import TrainState, new_state
from trainer.fit.task import FitTask
from trainer.run.display import ConsoleDisplay, Observers, TrainDisplay
from trainer.run.files import write_config, write_environment
from trainer.run.folder import alone_in, check_folder, identity_of, is_finished
from trainer.run.init_weights import init_from
from trainer.run.metrics_log import MetricsLog
from trainer.run.request import Split, TrainRun, plan_of, train_split, workload_of
from trainer.run.results import conclude
from trainer.schedule import Phase

FEW_IMAGES = 8
OTHER_PARTS = "a step has the same images, but other augmentation and batch normalisation"


def train(
    run: TrainRun, console: Console, *, resume: bool, should_stop: Callable[[], bool]
) -> bool:
    """Train in this process, or go on; return False if stopped before the end.

    Raises:
        ValueError: If the folder holds a run and `resume` is off, or another run than this, or
            another process trains it.
        DivergedError: If the gradients stay not finite.
        OSError: If a file cannot be read or written.
    """
    split = train_split(run)
    check_folder(run, plan_of(run, split), resume=resume)
    alone = Processes(device=run.device)
    return train_share(run, split, alone, ConsoleDisplay(console), should_stop)


def train_share(
    run: TrainRun,
    split: Split,
    processes: Processes,
    display: TrainDisplay,
    should_stop: Callable[[], bool],
) -> bool:
    """Train this process's share, from what the folder holds; else as `train`.

    Every process of the training calls it; only that of rank 0 writes, shows and concludes.
    """
    plan = plan_of(run, split)
    if is_finished(run, plan):
        return True  # the files are there, and tell more than this process could
    with alone_in(run.folder) if processes.rank == 0 else nullcontext():
        state, accumulation = _begun(run, plan, processes, display)
        first = processes.rank == 0
        log = MetricsLog(run.folder, plan, state.step, state.train_seconds) if first else None
        try:
            with _feed(run, split, processes) as feed, display.progress(plan, state.step) as shown:
                task = _task(run, plan, split, feed, accumulation, processes)
                observers = Observers((shown,) if log is None else (log, shown))
                finished = fit(state, task, observers, should_stop)
        finally:
            if log is not None:
                log.close()
        if finished and log is not None:
            conclude(run, plan, split, state, log)
    return finished


def _begun(
    run: TrainRun, plan: TrainPlan, processes: Processes, display: TrainDisplay
) -> tuple[TrainState, tuple[int, ...]]:
    """Return the state to go on from, and the accumulation of each phase."""
    state = new_state(
        run.file.architecture,
        run.recipe,
        num_classes=run.images.num_classes,
        device=run.device,
        seed=run.seed,
    )
    content, notes = CheckpointFolder(run.folder).load(run.device)
    for note in notes:
        display.say(f"{note}; an older checkpoint serves")
    if content is not None:
        state.load_state_dict(content["state"])
        display.say(f"{run.folder}: going on at step {state.step} of {plan.total_steps}")
    steps = processes.values(state.step)
    if len(set(steps)) > 1:
        raise ValueError(
            f"the workers found {run.folder} at different steps, {', '.join(map(str, steps))}; "
            "it must lie where all of them see the same files"
        )
    if content is not None:
        if (before := content.get("workers", 1)) == processes.size:
            return state, tuple(content["accumulation"])
        display.say(f"begun with {before} workers, going on with {processes.size}: {OTHER_PARTS}")
        return state, _tried(run, plan, processes, display)
    if run.init_from is not None:
        report = init_from(state.network, run.file.architecture, run.init_from)
        display.say(f"{run.init_from}: {report}")
        if state.average is not None:
            state.average.module.load_state_dict(state.network.state_dict())
    accumulation = _tried(run, plan, processes, display)
    if processes.rank == 0:
        write_config(run.folder, run.file, run.recipe, _settings(run, processes))
        write_environment(run, workers=processes.size)
    return state, accumulation


def _tried(
    run: TrainRun, plan: TrainPlan, processes: Processes, display: TrainDisplay
) -> tuple[int, ...]:
    """Return the accumulation of each phase that fits in all processes."""

    def smaller(phase: Phase, budget: PhaseBudget) -> None:
        display.say(
            f"{phase.image_size} px: out of memory, now {budget.batch_size} images at once"
        )

    work = workload_of(run, plan, processes.size, on_host=processes.on_host)
    budgets = tried_budgets(work, phase_budgets(work), smaller)
    accumulation = tuple(max(processes.values(budget.accumulation)) for budget in budgets)
    fewest = work.share // max(accumulation)
    if fewest < FEW_IMAGES:
        display.say(
            f"note: batch normalisation sees {fewest} images at once; the statistics of fewer "
            f"than {FEW_IMAGES} are noisy"
        )
    return accumulation


def _feed(run: TrainRun, split: Split, processes: Processes) -> TrainFeed:
    pixels = PixelStore(run.images.splits["train"], split.training, run.device)
    flip = run.recipe.augment.flip
    return TrainFeed(
        pixels,
        ImageOrder(
            len(split.training),
            run.recipe.batch_size,
            seed=run.seed,
            rank=processes.rank,
            world_size=processes.size,
        ),
        augment=run.recipe.augment,
        num_classes=run.images.num_classes,
        mirror=run.images.default_flip if flip is None else flip,
        seed=run.seed,
        device=run.device,
        rank=processes.rank,
    )


def _task(
    run: TrainRun,
    plan: TrainPlan,
    split: Split,
    feed: TrainFeed,
    accumulation: tuple[int, ...],
    processes: Processes,
) -> FitTask:
    images = EvaluationFeed(
        split.split,
        split.evaluation,
        image_size=plan.eval_size,
        crop=run.recipe.eval_crop,
        device=run.device,
        rank=processes.rank,
        world_size=processes.size,
    )

    def evaluate(network: nn.Module) -> Evaluation:
        return evaluate_images(
            network,
            images,
            device=run.device,
            precision=run.precision,
            sum_over_processes=processes.total,
        )

    def wrapped(network: nn.Module) -> nn.Module:
        # Sizes are marked static: a graph for each of the few sizes, not one for any.
        compiled = torch.compile(network, dynamic=False) if run.compiled else network
        return processes.distributed(compiled)  # type: ignore[arg-type]

    return FitTask(
        plan=plan,
        feed=feed,
        evaluate=evaluate,
        accumulation=accumulation,
        checkpoints=CheckpointFolder(run.folder, keep=run.recipe.keep_checkpoints),
        identity=identity_of(run, plan),
        device=run.device,
        precision=run.precision,
        seed=run.seed,
        gate=DeviceGate(device_key(run.device)),
        processes=processes,
        wrap=wrapped,
    )


def _settings(run: TrainRun, processes: Processes) -> dict[str, Any]:
    return {
        "name": run.folder.name,
        "seed": run.seed,
        "images": run.images.name,
        "device": str(run.device),
        "precision": run.precision,
        "compiled": run.compiled,
        "workers": processes.size,
        "init_from": None if run.init_from is None else str(run.init_from),
    }
