"""A training from its request to its results, in this process or in one of several."""

from contextlib import AbstractContextManager, nullcontext

from search_space.command_line.waiting import said_if_slow
from search_space.counted import counted
from trainer.data.loading.order import ImageOrder
from trainer.data.loading.pixels import PixelStore
from trainer.data.loading.train_feed import TrainFeed
from trainer.device.gate import DeviceGate, device_key
from trainer.fit.batch_size_finder import BatchSizeFinder
from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.evaluation import evaluation_batches
from trainer.fit.loop import fit
from trainer.fit.processes import Processes
from trainer.fit.request import TrainRequest
from trainer.fit.state import TrainState, new_state
from trainer.fit.step import TrainingObserver, TrainingSetup
from trainer.run.compiler_cache import own_compiler_cache
from trainer.run.display import TrainDisplay
from trainer.run.final_evaluation import evaluate_result
from trainer.run.folder import (
    check_folder,
    exclusive_lock,
    is_finished,
    record_settings,
    run_settings,
)
from trainer.run.init_weights import init_from
from trainer.run.metrics_log import MetricsLog
from trainer.run.mirror_hint import mirror_hint
from trainer.run.results import write_results
from trainer.stop_signals import StopCondition
from trainer.trackers.selection import Trackers
from trainer.trackers.tracker import TrackedRun

FEW_IMAGES = 8
PROJECT = "nas-train"  # under which trackers group the runs
OTHER_PARTS = "a step has the same images, but other augmentation and batch normalisation"


def train(
    request: TrainRequest, display: TrainDisplay, *, resume: bool, stop: StopCondition
) -> bool:
    """Train or resume in this process; return False if stopped before the end.

    Raises:
        ValueError: If the folder holds a run and `resume` is off, or a run with other settings,
            or another process trains in it.
        DivergedError: If gradients remain not finite.
        OSError: If a file cannot be read or written.
    """
    if check_folder(request, resume=resume, display=display):
        return True
    return train_share(request, Processes(device=request.device), display, stop)


def train_share(
    request: TrainRequest, processes: Processes, display: TrainDisplay, stop: StopCondition
) -> bool:
    """Train this process's share from the state in the folder; see `train`.

    Every process of the training calls it; only rank 0 writes files.
    """
    plan, first = request.plan, processes.rank == 0
    lock = exclusive_lock(request.folder, display.print) if first else nullcontext()
    with lock, own_compiler_cache() if request.compiled else nullcontext():
        state, accumulation = _initial_or_resumed_state(request, processes, display)
        if is_finished(request, state.step):
            return True  # its files are complete; this process would write shorter metrics
        log = _metrics_log(request, processes, state.step, display) if first else None
        finished = False
        try:
            with _feed(request, processes) as feed, _progress(request, state, display) as shown:
                setup = TrainingSetup(
                    request=request,
                    feed=feed,
                    evaluation=evaluation_batches(
                        request.split.evaluation_images,
                        request.split.evaluation,
                        processes,
                        image_size=plan.eval_size,
                        crop=request.recipe.eval_crop,
                    ),
                    accumulation=accumulation,
                    checkpoints=CheckpointFolder(
                        request.folder, keep=request.recipe.keep_checkpoints
                    ),
                    gate=DeviceGate(device_key(request.device), notice=display.print),
                    processes=processes,
                )
                observers = [observer for observer in (log, shown) if observer is not None]
                finished = fit(state, setup, observers, stop)
        finally:
            if log is not None:
                log.finish(finished=finished)
        if finished and log is not None:
            record = evaluate_result(request, state, display)
            write_results(request, state, log)  # the summary is last: it marks a finished run
            if record is not None and (hint := mirror_hint(request, record.confusion)):
                display.print(f"note: {hint}")
    return finished


def _progress(
    request: TrainRequest, state: TrainState, display: TrainDisplay
) -> AbstractContextManager[TrainingObserver | None]:
    networks = 1 if state.average is None else 2
    evaluated = networks * len(request.split.evaluation)
    return display.progress(request.plan, state.step, evaluated)


def _metrics_log(
    request: TrainRequest, processes: Processes, start: int, display: TrainDisplay
) -> MetricsLog:
    """Return the log of a training that continues after `start` steps, with its trackers open."""
    run = TrackedRun(folder=request.folder, project=PROJECT, start=start)
    trackers = Trackers(request.trackers, run, display.print)
    trackers.start(run_settings(request, workers=processes.size))
    return MetricsLog(request.folder, request.plan, start, trackers)


def _initial_or_resumed_state(
    request: TrainRequest, processes: Processes, display: TrainDisplay
) -> tuple[TrainState, tuple[int, ...]]:
    """Return the state of the newest checkpoint or a new one, and each phase's accumulation."""
    BatchSizeFinder(request=request, processes=processes).require_room()
    state = new_state(request)
    content, notes = CheckpointFolder(request.folder).load(request.device, state.load_state_dict)
    for note in notes:
        display.print(f"{note}; an older checkpoint is used")
    if content is not None:
        display.print(
            f"{request.folder}: resuming at step {state.step} of {request.plan.total_steps}"
        )
    steps = processes.gather(state.step)
    if len(set(steps)) > 1:
        raise ValueError(
            f"the workers found {request.folder} at different steps, "
            f"{', '.join(map(str, steps))}; "
            "it must be on a file system that all of them share"
        )
    if content is not None:
        if (before := content.get("workers", 1)) == processes.size:
            return state, tuple(content["accumulation"])
        display.print(
            f"started with {counted(before, 'worker')}, resuming with {processes.size}: "
            f"{OTHER_PARTS}"
        )
        return state, _fitting_accumulation(request, processes, display)
    if request.init_from is not None:
        report = init_from(
            state.network,
            request.file.architecture,
            request.init_from,
            class_names=request.images.class_names,
            scale=request.init_scale,
        )
        display.print(f"{request.init_from}: {report}")
        state.set_conventions(state.network.bn_eps, state.input_shift)
        if state.average is not None:
            state.average.module.load_state_dict(state.network.state_dict())
    accumulation = _fitting_accumulation(request, processes, display)
    if processes.rank == 0:
        record_settings(request, workers=processes.size)
    return state, accumulation


def _fitting_accumulation(
    request: TrainRequest, processes: Processes, display: TrainDisplay
) -> tuple[int, ...]:
    """Return for each phase the smallest accumulation that fits in all processes."""
    finder = BatchSizeFinder(request=request, processes=processes)
    predicted = finder.predicted()
    sizes = ", ".join(str(phase.image_size) for phase in request.plan.phases)
    with said_if_slow(f"trying one step at {sizes} px, to see whether it fits", display.print):
        verified = finder.verified(predicted)
    for phase, before, batch in zip(request.plan.phases, predicted, verified, strict=True):
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


def _feed(request: TrainRequest, processes: Processes) -> TrainFeed:
    training, recipe = request.split.training, request.recipe
    return TrainFeed(
        PixelStore(request.images.splits["train"], training, request.device),
        ImageOrder(
            len(training),
            recipe.batch_size,
            seed=request.seed,
            rank=processes.rank,
            world_size=processes.size,
        ),
        augment=recipe.augment,
        num_classes=request.images.num_classes,
        mirror=request.mirror,
        seed=request.seed,
        device=request.device,
        rank=processes.rank,
    )
