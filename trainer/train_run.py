"""Wires a training together: images, plan, network, checkpoints, and what is left at the end."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from search_space.artifact import ArchitectureFile
from search_space.cost import count_macs, count_params
from trainer.checkpoint import CheckpointFolder
from trainer.config import Precision
from trainer.data.cache import CachedImages, ImageSplit
from trainer.data.holdout import holdout
from trainer.data.order import ImageOrder
from trainer.data.pixels import Indices, PixelStore
from trainer.data.train_feed import TrainFeed
from trainer.evaluation import Evaluation, EvaluationFeed, evaluate_images
from trainer.fit import FitTask, StepReport, as_it_is, fit
from trainer.gate import DeviceGate, device_key
from trainer.init_weights import init_from
from trainer.metrics_log import MetricsLog
from trainer.model_file import ModelFile, save_model
from trainer.preflight import PhaseBudget, Workload, phase_budgets, tried_budgets
from trainer.recipes.config import Recipe
from trainer.schedule import Phase
from trainer.train_files import SUMMARY, device_name, write_config, write_environment, write_json
from trainer.train_plan import TrainPlan, make_plan
from trainer.train_progress import TrainProgress
from trainer.train_state import TrainState, new_state
from trainer.training_plot import plot_training


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainRun:
    """One training, as asked for.

    Attributes:
        file: The architecture, its name and its own image sizes.
        recipe: How to train it.
        images: Decoded at the largest size in use.
        folder: Of the run.
        seed: Of weights, order, augmentation, dropout and holdout.
        device: Where to train.
        precision: Arithmetic of the forward pass.
        compiled: Whether torch.compile makes a graph of the network, one for each phase's size.
        init_from: Weights to start from.
    """

    file: ArchitectureFile
    recipe: Recipe
    images: CachedImages
    folder: Path
    seed: int
    device: torch.device
    precision: Precision
    compiled: bool = False
    init_from: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Which images are trained on, and which are evaluated on.

    Attributes:
        training: Positions in the training split.
        evaluated_on: "validation", "test", or "holdout" for a part of the training split.
        split: Where the evaluated images are.
        evaluation: Positions in it.
    """

    training: Indices
    evaluated_on: str
    split: ImageSplit
    evaluation: Indices


def split_images(run: TrainRun) -> Split:
    """Return the images of both kinds; without another split, some are held out."""
    train = run.images.splits["train"]
    for name in ("validation", "test"):
        if name in run.images.splits:
            other = run.images.splits[name]
            return Split(
                training=_all(train), evaluated_on=name, split=other, evaluation=_all(other)
            )
    training, held_out = holdout(train, size=run.recipe.holdout, seed=run.seed)
    return Split(training=training, evaluated_on="holdout", split=train, evaluation=held_out)


def plan_of(run: TrainRun, split: Split) -> TrainPlan:
    """Return the plan for the images that are trained on."""
    return make_plan(
        run.recipe,
        num_images=len(split.training),
        train_size=run.file.train_size,
        eval_size=run.file.eval_size,
        seed=run.seed,
    )


def workload_of(run: TrainRun, plan: TrainPlan) -> Workload:
    """Return what one process has to do in a step."""
    return Workload(
        architecture=run.file.architecture,
        num_classes=run.images.num_classes,
        plan=plan,
        share=run.recipe.batch_size,
        device=run.device,
        precision=run.precision,
    )


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


def conclude(
    run: TrainRun, plan: TrainPlan, split: Split, state: TrainState, log: MetricsLog
) -> None:
    """Write the model, the summary and the picture."""
    averaged = state.averaged.state_dict()
    model = ModelFile(
        architecture=run.file.architecture,
        class_names=run.images.class_names,
        train_size=plan.phases[plan.phase_index(plan.total_steps - 1)].image_size,
        eval_size=plan.eval_size,
        padding=run.recipe.padding,
        ema=averaged,
        raw=state.network.state_dict(),
    )
    save_model(run.folder / "model.pt", model)
    write_json(run.folder / SUMMARY, _summary(run, plan, split, state, log))
    plot_training(run.folder / "training.png", plan, log.rows, run.folder.name)


class Observers:
    """Passes what happens on to several observers."""

    def __init__(self, observers: tuple[MetricsLog, TrainProgress]) -> None:
        self._observers = observers

    def stepped(self, report: StepReport) -> None:
        """Pass a step on."""
        for observer in self._observers:
            observer.stepped(report)

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Pass an evaluation on."""
        for observer in self._observers:
            observer.evaluated(step, raw, averaged)

    def rewound(self, step: int, rate_scale: float) -> None:
        """Pass a rewind on."""
        for observer in self._observers:
            observer.rewound(step, rate_scale)


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


def _summary(
    run: TrainRun, plan: TrainPlan, split: Split, state: TrainState, log: MetricsLog
) -> dict[str, Any]:
    architecture, classes = run.file.architecture, run.images.num_classes
    return {
        "name": run.folder.name,
        "architecture": {"name": run.file.name, "key": architecture.key},
        "num_params": count_params(architecture, classes),
        "macs": count_macs(architecture, plan.eval_size, classes),
        "seed": run.seed,
        "images": run.images.name,
        "num_images": plan.num_images,
        "evaluated_on": split.evaluated_on,
        "num_evaluated": len(split.evaluation),
        "eval_size": plan.eval_size,
        "steps": plan.total_steps,
        "epochs": plan.total_steps / plan.steps_per_epoch,
        "batch_size": run.recipe.batch_size,
        "final": log.rows[-1] if log.rows else {},
        "best_top1": state.best_top1,
        "skipped_steps": state.skipped,
        "rewinds": state.rewinds,
        "train_seconds": state.train_seconds,
        "phases": [
            {
                **asdict(phase),
                "steps": steps,
                "images_per_sec": log.phases[index].images_per_sec()
                if index in log.phases
                else None,
            }
            for index, (phase, steps) in enumerate(
                zip(plan.phases, plan.steps_in_phases(), strict=True)
            )
        ],
        "device": device_name(run.device),
        "precision": run.precision,
        "torch_version": torch.__version__,
    }


def _all(split: ImageSplit) -> Indices:
    return torch.arange(len(split)).numpy()
