"""One step: the gradient of all processes, applied where it is finite."""

import time
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from trainer.data.loading.order import seed_of
from trainer.device.precision import autocast
from trainer.fit.state import TrainState
from trainer.fit.task import FitTask, StepReport
from trainer.optim import set_learning_rate

# Beside order and augmentation: the stream of seeds that dropout and stochastic depth draw from.
_NETWORK_STREAM = 7


def take_step(trained: nn.Module, state: TrainState, task: FitTask) -> StepReport:
    """Take one step; where the gradient is not finite, only count it.

    The images of a step lie in parts, numbered over all processes. Augmentation, dropout and
    stochastic depth are functions of (seed, step, part): two processes do what one does that
    takes its step in two parts.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    plan, recipe, step = task.plan, task.plan.recipe, state.step
    index = plan.phase_index(step)
    phase = plan.phases[index]
    state.network.train()
    state.network.set_dropout(phase.dropout)
    rate = plan.learning_rate(step) * state.rate_scale
    set_learning_rate(state.optimizer, rate)
    state.optimizer.zero_grad(set_to_none=True)
    sums = _gradients(trained, step, task)
    task.processes.average(_running_statistics(state.network))
    norm = _clipped_norm(state.network, recipe.optimizer.clip_norm)
    # The step's one wait for the device. All processes have the same gradient; the sum of the
    # norms makes sure that they agree on whether it is finite.
    means = task.processes.total(torch.stack((*sums, norm))) / task.processes.size
    mean_loss, mean_hits, norm = means.tolist()
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
        loss=mean_loss,
        top1=mean_hits / task.feed.order.share,
        learning_rate=rate,
        applied=applied,
        wait_s=task.feed.wait_s,
        images=task.feed.order.share * task.processes.size,
        train_seconds=state.train_seconds,
    )


def _gradients(trained: nn.Module, step: int, task: FitTask) -> Tensor:
    """Fill the gradients; return this process's mean loss and its number of hits."""
    index = task.plan.phase_index(step)
    phase, parts = task.plan.phases[index], task.accumulation[index]
    share = task.feed.order.share
    smoothing = task.plan.recipe.label_smoothing
    sums = torch.zeros(2, device=task.device)
    for number, (images, targets) in enumerate(task.feed.batches(step, phase, parts), start=1):
        part = task.processes.rank * parts + number - 1
        torch.manual_seed(seed_of(task.seed, step, part, _NETWORK_STREAM))
        with _exchange(trained, when=number == parts):
            with autocast(task.device, task.precision):
                logits = trained(images)
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=smoothing)
            loss = loss * (len(images) / share)
            loss.backward()
        chosen = targets.gather(1, logits.argmax(dim=1, keepdim=True))
        hits = (chosen == targets.amax(dim=1, keepdim=True)).sum()  # any of several classes
        sums += torch.stack((loss.detach(), hits.float()))
    return sums


def _clipped_norm(network: nn.Module, largest: float | None) -> Tensor:
    """Return the norm of all gradients, after scaling them down to `largest` in place."""
    parameters = [p for p in network.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if largest is not None:
        torch.nn.utils.clip_grads_with_norm_(parameters, largest, norm)
    return norm


def _exchange(trained: nn.Module, *, when: bool) -> AbstractContextManager[None]:
    """Return the context in which gradients are averaged over processes, or only added up."""
    if when or not isinstance(trained, DistributedDataParallel):
        return nullcontext()
    return trained.no_sync()


def _running_statistics(network: nn.Module) -> list[Tensor]:
    """Return the running means and variances of the batch normalisation."""
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    found = [
        statistic for layer in layers for statistic in (layer.running_mean, layer.running_var)
    ]
    return [statistic for statistic in found if statistic is not None]
