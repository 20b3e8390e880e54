"""Trains for good: one plain loop over steps, whose settings follow the plan."""

from collections.abc import Callable
from contextlib import nullcontext

import torch

from trainer.fit.state import TrainState
from trainer.fit.step import take_step
from trainer.fit.task import FitObserver, FitTask


class DivergedError(Exception):
    """The training's gradients are not finite, and the recipe says to stop."""


def fit(
    state: TrainState, task: FitTask, observer: FitObserver, should_stop: Callable[[], bool]
) -> bool:
    """Train from ``state.step`` to the plan's end; return False if stopped before.

    Every random number is a function of (seed, step, part of the step), so that the same state
    always goes on in the same way: on a CPU, to the same bits. Between steps all processes have
    the same state, to the same bits; they stop at the same step, whichever is asked to.

    Raises:
        DivergedError: If the gradients stay not finite, see `NonFiniteSettings`.
        OSError: If a checkpoint cannot be written.
    """
    plan, recipe = task.plan, task.plan.recipe
    trained = task.wrap(state.network)
    statistics = [b for b in state.network.buffers() if b.is_floating_point()]
    kept = [torch.empty_like(buffer) for buffer in statistics]
    if state.step == 0:
        _save(state, task)  # a rewind has somewhere to go, and a full disk shows at once
    while state.step < plan.total_steps:
        torch._foreach_copy_(kept, statistics)
        with task.gate.step() if task.processes.rank == 0 else nullcontext():
            # The others wait here for the process that passes the gate: were each to pass it,
            # a timer could let one in, which waits for another, which waits for the timer.
            stopping = task.processes.any(should_stop())
            report = None if stopping else take_step(trained, state, task)
        if report is None:
            _save(state, task)
            return False
        if not report.applied:
            torch._foreach_copy_(statistics, kept)
        observer.stepped(report)
        if state.skipped_in_row > recipe.non_finite.patience:
            _rewind(state, task)
            observer.rewound(state.step, state.rate_scale)
            continue
        evaluation_due = plan.is_due(recipe.evaluate_every, state.step)
        is_best = evaluation_due and _evaluate(state, task, observer)
        if is_best or plan.is_due(recipe.checkpoint_every, state.step):
            _save(state, task, best=is_best)
    return True


def _evaluate(state: TrainState, task: FitTask, observer: FitObserver) -> bool:
    """Evaluate, and return whether it was the best so far."""
    raw = task.evaluate(state.network)
    averaged = task.evaluate(state.averaged) if state.average is not None else None
    observer.evaluated(state.step, raw, averaged)
    top1 = (averaged or raw).top1
    is_best = top1 > state.best_top1
    state.best_top1 = max(top1, state.best_top1)
    return is_best


def _save(state: TrainState, task: FitTask, *, best: bool = False) -> None:
    if task.processes.rank != 0:
        return
    content = {
        "state": state.state_dict(),
        "accumulation": list(task.accumulation),
        "workers": task.processes.size,
        "identity": task.identity,
    }
    task.checkpoints.save(content, step=state.step, best=best)


def _rewind(state: TrainState, task: FitTask) -> None:
    """Go back to the last checkpoint with a lower learning rate, or give up.

    Raises:
        DivergedError: If the recipe says to stop, or it was tried often enough.
    """
    settings = task.plan.recipe.non_finite
    reason = (
        f"the gradient was not finite in {state.skipped_in_row} steps in a row, up to step "
        f"{state.step}"
    )
    if settings.action == "stop":
        raise DivergedError(f"{reason}; a lower learning_rate.base may help")
    if state.rewinds >= settings.max_rewinds:
        raise DivergedError(f"{reason}, after {state.rewinds} rewinds to lower learning rates")
    content, _ = task.checkpoints.load(task.device)
    if content is None:
        raise DivergedError(f"{reason}, and no checkpoint is whole enough to go back to")
    skipped, rewinds = state.skipped, state.rewinds + 1
    state.load_state_dict(content["state"])
    state.skipped, state.rewinds, state.skipped_in_row = skipped, rewinds, 0
    state.rate_scale *= settings.rate_factor
    task.processes.wait()  # none may load what the first one saves now
    _save(state, task)
