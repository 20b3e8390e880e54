"""Trains for good: one plain loop over steps, whose settings follow the plan."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer.checkpoint import CheckpointFolder
from trainer.config import Precision
from trainer.data.train_feed import TrainFeed, seed_of
from trainer.engine import autocast
from trainer.evaluation import Evaluation
from trainer.gate import DeviceGate
from trainer.optim import set_learning_rate
from trainer.train_plan import TrainPlan
from trainer.train_state import TrainState

# Beside order and augmentation: the stream of seeds that dropout and stochastic depth draw from.
_NETWORK_STREAM = 7


class DivergedError(Exception):
    """The training's gradients are not finite, and the recipe says to stop."""


def as_it_is(network: nn.Module) -> nn.Module:
    """Return `network`, neither compiled nor distributed."""
    return network


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One step.

    Attributes:
        step: Steps done, this one included.
        phase: Position of its phase in the plan.
        loss: Mean loss of this process's images.
        top1: Share of them whose largest logit is their largest target.
        learning_rate: Of the step.
        applied: False where the gradient was not finite.
        wait_s: Seconds that it waited for images.
        images: Images of it in this process.
        train_seconds: Wall seconds of all steps so far.
    """

    step: int
    phase: int
    loss: float
    top1: float
    learning_rate: float
    applied: bool
    wait_s: float
    images: int
    train_seconds: float


class FitObserver(Protocol):
    """Is told what happens, and must not change it."""

    def stepped(self, report: StepReport) -> None:
        """A step is done."""
        ...

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """The network, and its average where there is one, were evaluated after `step`."""
        ...

    def rewound(self, step: int, rate_scale: float) -> None:
        """The training went back to where `step` steps were done."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitTask:
    """What is trained on, by which plan, and where.

    Attributes:
        plan: Phase and learning rate of every step.
        feed: The training images.
        evaluate: Measures a network.
        accumulation: For each phase, how many batches make up this process's part of a step.
        checkpoints: Where checkpoints lie; only the process of rank 0 writes them.
        identity: What a checkpoint must have in common with the run that goes on from it.
        device: The network's.
        precision: Arithmetic of the forward pass.
        seed: Of dropout and stochastic depth.
        gate: Of the device; each step passes it, so that a timer can have the device alone.
        rank: This process.
        wrap: Makes the module that is called in training: compiled, or distributed.
    """

    plan: TrainPlan
    feed: TrainFeed
    evaluate: Callable[[nn.Module], Evaluation]
    accumulation: tuple[int, ...]
    checkpoints: CheckpointFolder
    identity: dict[str, Any]
    device: torch.device
    precision: Precision
    seed: int
    gate: DeviceGate
    rank: int = 0
    wrap: Callable[[nn.Module], nn.Module] = as_it_is


def fit(
    state: TrainState, task: FitTask, observer: FitObserver, should_stop: Callable[[], bool]
) -> bool:
    """Train from ``state.step`` to the plan's end; return False if stopped before.

    Every random number is a function of (seed, step, rank), so that the same state always goes
    on in the same way: on a CPU, to the same bits.

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
        if should_stop():
            _save(state, task)
            return False
        torch._foreach_copy_(kept, statistics)
        with task.gate.step():
            report = _step(trained, state, task)
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


def _step(trained: nn.Module, state: TrainState, task: FitTask) -> StepReport:
    """Take one step; where the gradient is not finite, only count it."""
    started, cpu_started = time.perf_counter(), time.process_time()
    plan, recipe, step = task.plan, task.plan.recipe, state.step
    index = plan.phase_index(step)
    phase = plan.phases[index]
    state.network.train()
    state.network.set_dropout(phase.dropout)
    torch.manual_seed(seed_of(task.seed, step, task.rank, _NETWORK_STREAM))
    rate = plan.learning_rate(step) * state.rate_scale
    set_learning_rate(state.optimizer, rate)
    state.optimizer.zero_grad(set_to_none=True)
    share = task.feed.order.share
    sums = torch.zeros(2, device=task.device)  # loss, hits
    for images, targets in task.feed.batches(step, phase, task.accumulation[index]):
        with autocast(task.device, task.precision):
            logits = trained(images)
        part = F.cross_entropy(logits.float(), targets, label_smoothing=recipe.label_smoothing) * (
            len(images) / share
        )
        part.backward()
        hits = (logits.argmax(dim=1) == targets.argmax(dim=1)).sum()
        sums += torch.stack((part.detach(), hits.float()))
    norm = _clipped_norm(state.network, recipe.optimizer.clip_norm)
    # The step's one wait for the device. The gradient is the same in all processes.
    loss, hits, norm = torch.stack((*sums, norm)).tolist()
    applied = norm < float("inf")  # false for NaN too
    if applied:
        state.optimizer.step()
        if state.average is not None:
            state.average.update_parameters(state.network)
    state.train_seconds += time.perf_counter() - started
    state.train_cpu_seconds += time.process_time() - cpu_started
    state.step += 1
    state.skipped += not applied
    state.skipped_in_row = 0 if applied else state.skipped_in_row + 1
    return StepReport(
        step=state.step,
        phase=index,
        loss=loss,
        top1=hits / share,
        learning_rate=rate,
        applied=applied,
        wait_s=task.feed.wait_s,
        images=share,
        train_seconds=state.train_seconds,
    )


def _clipped_norm(network: nn.Module, largest: float | None) -> Tensor:
    """Return the norm of all gradients, after scaling them down to `largest` in place."""
    parameters = [p for p in network.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if largest is not None:
        torch.nn.utils.clip_grads_with_norm_(parameters, largest, norm)
    return norm


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
    if task.rank != 0:
        return
    content = {
        "state": state.state_dict(),
        "accumulation": list(task.accumulation),
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
    _save(state, task)
