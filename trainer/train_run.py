"""Wires a training together: images, plan, network, checkpoints, and what is left at the end."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from rich.console import Console
from torch import nn

from trainer.checkpoint import CheckpointFolder
from trainer.data.order import ImageOrder
from trainer.data.pixels import PixelStore
from trainer.data.train_feed import TrainFeed
from trainer.evaluation import Evaluation, EvaluationFeed, evaluate_images
from trainer.fit import FitTask, as_it_is, fit
from trainer.gate import DeviceGate, device_key
from trainer.init_weights import init_from
from trainer.metrics_log import MetricsLog
from trainer.preflight import PhaseBudget, phase_budgets, tried_budgets
from trainer.schedule import Phase
from trainer.train_files import SUMMARY, write_config, write_environment
from trainer.train_observers import Observers
from trainer.train_plan import TrainPlan
from trainer.train_progress import TrainProgress
from trainer.train_request import Split, TrainRun, plan_of, split_images, workload_of
from trainer.train_result import conclude
from trainer.train_state import TrainState, new_state


def train(
    run: TrainRun, console: Console, *, resume: bool, should_stop: Callable[[], bool]
) -> bool:
    """Train, or go on; return False if stopped before the end.

    Raises:
        ValueError: If the folder holds a run and `resume` is off, or another run than this.
        DivergedError: If the gradients stay not finite.
        OSError: If a file cannot be read or written.
    """
    split = split_images(run)
    plan = plan_of(run, split)
    state = new_state(
        run.file.architecture,
        run.recipe,
        num_classes=run.images.num_classes,
        device=run.device,
        seed=run.seed,
    )
    checkpoints = CheckpointFolder(run.folder, keep=run.recipe.keep_checkpoints)
    say = partial(console.print, highlight=False, soft_wrap=True, markup=False)
    accumulation = _restored(run, plan, state, checkpoints, resume=resume, say=say)
    if accumulation is None:
        if run.init_from is not None:
            report = init_from(state.network, run.file.architecture, run.init_from)
            say(f"{run.init_from}: {report}")
            if state.average is not None:
                state.average.module.load_state_dict(state.network.state_dict())
        accumulation = _tried(run, plan, say)
        run.folder.mkdir(parents=True, exist_ok=True)
        write_config(run.folder, run.file, run.recipe, _settings(run))
        write_environment(run.folder, run.images, run.device, seed=run.seed)
    elif state.step == plan.total_steps and (run.folder / SUMMARY).exists():
        return True  # the files are there, and tell more than this process could
    log = MetricsLog(run.folder, plan, state.step, state.train_seconds)
    try:
        with _feed(run, split) as feed, TrainProgress(plan, console, start=state.step) as progress:
            task = _task(run, plan, split, feed, accumulation)
            finished = fit(state, task, Observers((log, progress)), should_stop)
    finally:
        log.close()
    if finished:
        conclude(run, plan, split, state, log)
    return finished


def _restored(
    run: TrainRun,
    plan: TrainPlan,
    state: TrainState,
    checkpoints: CheckpointFolder,
    *,
    resume: bool,
    say: Callable[[str], None],
) -> tuple[int, ...] | None:
    """Load the newest whole checkpoint into `state`; return its accumulation, or None."""
    content, notes = checkpoints.load(run.device)
    for note in notes:
        say(f"{note}; an older checkpoint serves")
    if content is None:
        return None
    if not resume:
        raise ValueError(
            f"{run.folder} holds a training at step {content['step']}; add --resume to go on "
            "with it, or choose another --name"
        )
    for name, value in _identity(run, plan).items():
        if (before := content["identity"].get(name)) != value:
            raise ValueError(
                f"{run.folder} was begun with {name} {before!r}, and not {value!r}; "
                "give the same settings to go on, or another --name"
            )
    state.load_state_dict(content["state"])
    say(f"{run.folder}: going on at step {state.step} of {plan.total_steps}")
    return tuple(content["accumulation"])


def _tried(run: TrainRun, plan: TrainPlan, say: Callable[[str], None]) -> tuple[int, ...]:
    def smaller(phase: Phase, budget: PhaseBudget) -> None:
        say(f"{phase.image_size} px: out of memory, now {budget.batch_size} images at once")

    work = workload_of(run, plan)
    budgets = tried_budgets(work, phase_budgets(work), smaller)
    return tuple(budget.accumulation for budget in budgets)


def _feed(run: TrainRun, split: Split) -> TrainFeed:
    pixels = PixelStore(run.images.splits["train"], split.training, run.device)
    flip = run.recipe.augment.flip
    return TrainFeed(
        pixels,
        ImageOrder(len(split.training), run.recipe.batch_size, seed=run.seed),
        augment=run.recipe.augment,
        num_classes=run.images.num_classes,
        mirror=run.images.default_flip if flip is None else flip,
        seed=run.seed,
        device=run.device,
    )


def _task(
    run: TrainRun, plan: TrainPlan, split: Split, feed: TrainFeed, accumulation: tuple[int, ...]
) -> FitTask:
    images = EvaluationFeed(
        split.split,
        split.evaluation,
        image_size=plan.eval_size,
        crop=run.recipe.eval_crop,
        device=run.device,
    )

    def evaluate(network: nn.Module) -> Evaluation:
        return evaluate_images(network, images, device=run.device, precision=run.precision)

    def compiled(network: nn.Module) -> nn.Module:
        # Sizes are marked static: a graph for each of the few sizes, not one for any.
        return torch.compile(network, dynamic=False)  # type: ignore[return-value]

    return FitTask(
        plan=plan,
        feed=feed,
        evaluate=evaluate,
        accumulation=accumulation,
        checkpoints=CheckpointFolder(run.folder, keep=run.recipe.keep_checkpoints),
        identity=_identity(run, plan),
        device=run.device,
        precision=run.precision,
        seed=run.seed,
        gate=DeviceGate(device_key(run.device)),
        wrap=compiled if run.compiled else as_it_is,
    )


def _identity(run: TrainRun, plan: TrainPlan) -> dict[str, Any]:
    """Return what makes two runs the same training."""
    return {
        "architecture": run.file.architecture.key,
        "images": run.images.path.name,
        "num_images": plan.num_images,
        "seed": run.seed,
        "precision": run.precision,
        **run.recipe.model_dump(mode="json"),
    }


def _settings(run: TrainRun) -> dict[str, Any]:
    return {
        "name": run.folder.name,
        "seed": run.seed,
        "images": run.images.name,
        "device": str(run.device),
        "precision": run.precision,
        "compiled": run.compiled,
        "init_from": None if run.init_from is None else str(run.init_from),
    }
