"""The training loop: one loop over steps, whose settings follow a plan."""

from collections.abc import Sequence
from contextlib import nullcontext

import torch

from search_space.network import Network
from trainer.fit.evaluation import Evaluation, evaluate_images
from trainer.fit.state import TrainState
from trainer.fit.step import TrainingObserver, TrainingSetup, take_step
from trainer.stop_signals import StopCondition


class DivergedError(Exception):
    """The gradients are not finite, and the recipe's remedies are exhausted."""


def fit(
    state: TrainState,
    setup: TrainingSetup,
    observers: Sequence[TrainingObserver],
    stop: StopCondition,
) -> bool:
    """Train from ``state.step`` to the end of the plan; return False if stopped before.

    All randomness is a function of (seed, step, part of the step), so that a training that was
    stopped and resumed gives the same result: on a CPU, the same bits. Between steps all
    processes have the same state, bit by bit, and they stop at the same step.

    Args:
        state: Changed in place.
        setup: The request, the images, the processes and the files.
        observers: Receive every step, evaluation and rewind, in order.
        stop: Checked before every step.

    Raises:
        DivergedError: If gradients remain not finite, see `NonFiniteSettings`.
        OSError: If a checkpoint cannot be written.
    """
    plan, recipe = setup.request.plan, setup.request.recipe
    wrapped_network = setup.training_module(state.network)
    statistics = [b for b in state.network.buffers() if b.is_floating_point()]
    kept = [torch.empty_like(buffer) for buffer in statistics]
    if state.step == 0:
        _save(state, setup)  # a first rewind needs it, and a full disk is noticed early
    while state.step < plan.total_steps:
        # Only rank 0 enters the gate; the others wait for it in `any`. If all entered, a timer
        # could start while one process is inside and another outside, and all would wait forever.
        with setup.gate.step() if setup.processes.rank == 0 else nullcontext():
            stopping = setup.processes.any(stop.requested())
            torch._foreach_copy_(kept, statistics)
            report = None if stopping else take_step(wrapped_network, state, setup)
        if report is None:
            _save(state, setup)
            return False
        if not report.applied:
            torch._foreach_copy_(statistics, kept)
        for observer in observers:
            observer.stepped(report)
        if state.skipped_in_row > recipe.non_finite.patience:
            _rewind(state, setup)
            for observer in observers:
                observer.rewound(state.step, state.rate_scale)
            continue
        evaluation_due = plan.is_due(recipe.evaluate_every, state.step)
        is_best = evaluation_due and _evaluate(state, setup, observers)
        if is_best or plan.is_due(recipe.checkpoint_every, state.step):
            _save(state, setup, best=is_best)
    return True


def _evaluate(
    state: TrainState, setup: TrainingSetup, observers: Sequence[TrainingObserver]
) -> bool:
    """Evaluate, and return whether the result is the best so far."""
    raw = _evaluation(state.network, setup)
    averaged = None if state.average is None else _evaluation(state.averaged, setup)
    for observer in observers:
        observer.evaluated(state.step, raw, averaged)
    top1 = (averaged or raw).top1
    is_best = top1 > state.best_top1
    state.best_top1 = max(top1, state.best_top1)
    return is_best


def _evaluation(network: Network, setup: TrainingSetup) -> Evaluation:
    processes, precision = setup.processes, setup.request.precision
    return evaluate_images(network, setup.evaluation, processes, precision, setup.gate)


def _save(state: TrainState, setup: TrainingSetup, *, best: bool = False) -> None:
    if setup.processes.rank != 0:
        return
    content = {
        "state": state.state_dict(),
        "accumulation": list(setup.accumulation),
        "workers": setup.processes.size,
        "identity": setup.request.identity(),
        "class_names": list(setup.request.images.class_names),
    }
    setup.checkpoints.save(content, step=state.step, best=best)


def _rewind(state: TrainState, setup: TrainingSetup) -> None:
    """Load the last checkpoint and lower the learning rate.

    Raises:
        DivergedError: If the recipe says to stop, or allows no further rewind.
    """
    settings = setup.request.recipe.non_finite
    reason = (
        f"the gradient was not finite in {state.skipped_in_row} steps in a row, up to step "
        f"{state.step}"
    )
    if settings.action == "stop":
        raise DivergedError(f"{reason}; a lower learning_rate.base may help")
    if state.rewinds >= settings.max_rewinds:
        raise DivergedError(f"{reason}, after {state.rewinds} rewinds to lower learning rates")
    skipped, rewinds = state.skipped, state.rewinds + 1
    seconds, cpu_seconds = state.train_seconds, state.train_cpu_seconds
    try:
        content, _ = setup.checkpoints.load(setup.request.device, state.load_state_dict)
    except ValueError as error:
        raise DivergedError(f"{reason}; {error}") from error
    if content is None:
        raise DivergedError(f"{reason}, and there is no checkpoint to return to")
    state.skipped, state.rewinds, state.skipped_in_row = skipped, rewinds, 0
    state.train_seconds, state.train_cpu_seconds = seconds, cpu_seconds  # that were really spent
    state.rate_scale *= settings.rate_factor
    setup.processes.barrier()  # all have loaded before rank 0 overwrites the checkpoint
    _save(state, setup)
