"""A training from its request to its results, in this process or in one of several."""

from contextlib import nullcontext

from trainer.data.loading.order import ImageOrder
from trainer.data.loading.pixels import PixelStore
from trainer.data.loading.train_feed import TrainFeed
from trainer.device.gate import DeviceGate, device_key
from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.evaluation import EvaluationFeed
from trainer.fit.loop import fit
from trainer.fit.plan import TrainPlan
from trainer.fit.preflight import BatchSizeFinder
from trainer.fit.processes import Processes
from trainer.fit.request import Split, TrainRun, plan_of, train_split
from trainer.fit.setup import TrainingSetup
from trainer.fit.state import TrainState, new_state
from trainer.run.display import TrainDisplay
from trainer.run.folder import (
    check_folder,
    exclusive_lock,
    is_finished,
    record_environment,
    write_config,
)
from trainer.run.init_weights import init_from
from trainer.run.metrics_log import MetricsLog
from trainer.run.results import write_results
from trainer.stop_signals import StopCondition

FEW_IMAGES = 8
OTHER_PARTS = "a step has the same images, but other augmentation and batch normalisation"


def train(run: TrainRun, display: TrainDisplay, *, resume: bool, stop: StopCondition) -> bool:
    """Train or resume in this process; return False if stopped before the end.

    Raises:
        ValueError: If the folder holds a run and `resume` is off, or a run with other settings,
            or another process trains in it.
        DivergedError: If gradients remain not finite.
        OSError: If a file cannot be read or written.
    """
    split = train_split(run)
    check_folder(run, plan_of(run, split), resume=resume)
    return train_share(run, split, Processes(device=run.device), display, stop)


def train_share(
    run: TrainRun,
    split: Split,
    processes: Processes,
    display: TrainDisplay,
    stop: StopCondition,
) -> bool:
    """Train this process's share from the state in the folder; see `train`.

    Every process of the training calls it; only rank 0 writes files.
    """
    plan = plan_of(run, split)
    if is_finished(run, plan):
        return True  # its files are complete; this process would write shorter metrics
    first = processes.rank == 0
    with exclusive_lock(run.folder) if first else nullcontext():
        state, accumulation = _initial_or_resumed_state(run, plan, processes, display)
        log = MetricsLog(run.folder, plan, state.step, state.train_seconds) if first else None
        try:
            with _feed(run, split, processes) as feed, display.progress(plan, state.step) as shown:
                setup = _setup(run, plan, split, feed, accumulation, processes)
                observers = [observer for observer in (log, shown) if observer is not None]
                finished = fit(state, setup, observers, stop)
        finally:
            if log is not None:
                log.close()
        if finished and log is not None:
            write_results(run, plan, split, state, log)
    return finished


def _initial_or_resumed_state(
    run: TrainRun, plan: TrainPlan, processes: Processes, display: TrainDisplay
) -> tuple[TrainState, tuple[int, ...]]:
    """Return the state of the newest checkpoint or a new one, and each phase's accumulation."""
    state = new_state(run)
    content, notes = CheckpointFolder(run.folder).load(run.device)
    for note in notes:
        display.print(f"{note}; an older checkpoint is used")
    if content is not None:
        state.load_state_dict(content["state"])
        display.print(f"{run.folder}: resuming at step {state.step} of {plan.total_steps}")
    steps = processes.gather(state.step)
    if len(set(steps)) > 1:
        raise ValueError(
            f"the workers found {run.folder} at different steps, {', '.join(map(str, steps))}; "
            "it must be on a file system that all of them share"
        )
    if content is not None:
        if (before := content.get("workers", 1)) == processes.size:
            return state, tuple(content["accumulation"])
        display.print(
            f"started with {before} workers, resuming with {processes.size}: {OTHER_PARTS}"
        )
        return state, _fitting_accumulation(run, plan, processes, display)
    if run.init_from is not None:
        report = init_from(state.network, run.file.architecture, run.init_from)
        display.print(f"{run.init_from}: {report}")
        if state.average is not None:
            state.average.module.load_state_dict(state.network.state_dict())
    accumulation = _fitting_accumulation(run, plan, processes, display)
    if processes.rank == 0:
        write_config(run, workers=processes.size)
        record_environment(run, workers=processes.size)
    return state, accumulation


def _fitting_accumulation(
    run: TrainRun, plan: TrainPlan, processes: Processes, display: TrainDisplay
) -> tuple[int, ...]:
    """Return for each phase the smallest accumulation that fits in all processes."""
    finder = BatchSizeFinder(run=run, plan=plan, processes=processes)
    predicted = finder.predicted()
    verified = finder.verified(predicted)
    for phase, before, batch in zip(plan.phases, predicted, verified, strict=True):
        if batch != before:
            display.print(
                f"{phase.image_size} px: {before.batch_size} images are out of memory, now "
                f"{batch.batch_size} images at once"
            )
    accumulation = tuple(max(processes.gather(batch.accumulation)) for batch in verified)
    fewest = finder.share // max(accumulation)
    if fewest < FEW_IMAGES:
        display.print(
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


def _setup(
    run: TrainRun,
    plan: TrainPlan,
    split: Split,
    feed: TrainFeed,
    accumulation: tuple[int, ...],
    processes: Processes,
) -> TrainingSetup:
    return TrainingSetup(
        run=run,
        plan=plan,
        feed=feed,
        evaluation_feed=EvaluationFeed(
            split.split,
            split.evaluation,
            image_size=plan.eval_size,
            crop=run.recipe.eval_crop,
            processes=processes,
        ),
        accumulation=accumulation,
        checkpoints=CheckpointFolder(run.folder, keep=run.recipe.keep_checkpoints),
        gate=DeviceGate(device_key(run.device)),
        processes=processes,
    )
