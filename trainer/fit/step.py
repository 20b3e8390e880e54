"""One training step: its inputs, its report, and the update by a finite gradient."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from trainer.data.loading.batches import Batches
from trainer.data.loading.order import seed_of
from trainer.data.loading.train_feed import TrainFeed
from trainer.device.gate import DeviceGate
from trainer.device.precision import autocast
from trainer.fit.checkpoint import CheckpointFolder
from trainer.fit.evaluation import Evaluation
from trainer.fit.processes import Processes
from trainer.fit.request import TrainRequest
from trainer.fit.state import TrainState
from trainer.optim import set_learning_rate

# Stream of the seeds of dropout and stochastic depth; image order and augmentation have others.
_NETWORK_STREAM = 7

# Headers are compiled in a folder that all trainings share, whatever the folder of the cache is:
# one that is cut short by a kill would end all later trainings.
COMPILER_OPTIONS: dict[str, str | int | bool | Callable[..., object]] = {
    "cpp_cache_precompile_headers": False
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """Results of one training step.

    Attributes:
        step: Number of finished steps, this one included.
        phase: Index of its phase in the plan.
        loss: Mean loss of the step's images, over all processes.
        top1: Share of these images whose largest logit is at a largest target, in [0, 1].
        learning_rate: Learning rate of the step.
        applied: False if the gradient was not finite.
        wait_s: Time that this process waited for its images, seconds.
        images: Number of images, over all processes.
        seconds: Wall time of the step, seconds.
        train_seconds: Wall time of all steps so far, seconds.
    """

    step: int
    phase: int
    loss: float
    top1: float
    learning_rate: float
    applied: bool
    wait_s: float
    images: int
    seconds: float
    train_seconds: float


class TrainingObserver(Protocol):
    """Receives the results of a training; it must not change the training."""

    def stepped(self, report: StepReport) -> None:
        """Receive a finished step."""
        ...

    def evaluated(self, step: int, raw: Evaluation, averaged: Evaluation | None) -> None:
        """Receive the evaluation of the network, and of its average if there is one."""
        ...

    def rewound(self, step: int, rate_scale: float) -> None:
        """Receive that the training returned to the checkpoint of `step` finished steps."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingSetup:
    """Everything that a training loop reads and does not change.

    Attributes:
        request: Settings and plan of the training.
        feed: Batches of the training images.
        evaluation: Batches of this process's evaluated images; None if it has none.
        accumulation: For each phase, the number of batches of this process in a step.
        checkpoints: Folder of the checkpoints; only the process of rank 0 writes to it.
        gate: Gate of the device, entered at each step so that a timer can use the device alone.
        processes: This process, its device, and the processes that share the training.
    """

    request: TrainRequest
    feed: TrainFeed
    evaluation: Batches | None
    accumulation: tuple[int, ...]
    checkpoints: CheckpointFolder
    gate: DeviceGate
    processes: Processes

    def training_module(self, network: nn.Module) -> nn.Module:
        """Return the module that trains `network`: compiled and data parallel as configured."""
        # A static shape gives one graph for each of the few image sizes.
        if not self.request.compiled:
            return self.processes.data_parallel(network)
        compiled = torch.compile(network, dynamic=False, options=COMPILER_OPTIONS)
        return self.processes.data_parallel(cast("nn.Module", compiled))


def take_step(wrapped_network: nn.Module, state: TrainState, setup: TrainingSetup) -> StepReport:
    """Take one step; a gradient that is not finite is counted and not applied.

    The images of a step are divided into parts, numbered over all processes. Augmentation,
    dropout and stochastic depth are functions of (seed, step, part): two processes compute the
    same as one process with two parts.

    Args:
        wrapped_network: Module of ``state.network``, see `TrainingSetup.training_module`.
        state: Changed in place.
        setup: The plan, the images and the processes.
    """
    started, cpu_started = time.perf_counter(), time.process_time()
    plan, step = setup.request.plan, state.step
    index = plan.phase_index(step)
    state.network.train()
    state.network.set_dropout(plan.phases[index].dropout)
    rate = plan.learning_rate(step) * state.rate_scale
    set_learning_rate(state.optimizer, rate)
    state.optimizer.zero_grad(set_to_none=True)
    sums = _compute_gradients(wrapped_network, step, setup)
    setup.processes.average(_running_statistics(state.network))
    norm = _clip_gradients(state.network, setup.request.recipe.optimizer.clip_norm)
    # Waits for the device. All processes have the same gradient; the sum of
    # the norms ensures that they agree on whether it is finite.
    means = setup.processes.total(torch.stack((*sums, norm))) / setup.processes.size
    mean_loss, mean_hits, norm = means.tolist()
    applied = norm < float("inf")  # false for NaN too
    if applied:
        state.optimizer.step()
        if state.average is not None:
            state.average.update_parameters(state.network)
    if setup.processes.device.type == "cuda":
        # The update is part of the step's time, and must not run in a timer's lease.
        torch.cuda.synchronize(setup.processes.device)
    seconds = time.perf_counter() - started
    state.train_seconds += seconds
    state.train_cpu_seconds += time.process_time() - cpu_started
    state.step += 1
    state.skipped += not applied
    state.skipped_in_row = 0 if applied else state.skipped_in_row + 1
    return StepReport(
        step=state.step,
        phase=index,
        loss=mean_loss,
        top1=mean_hits / setup.feed.order.share,
        learning_rate=rate,
        applied=applied,
        wait_s=setup.feed.wait_s,
        images=setup.feed.order.share * setup.processes.size,
        seconds=seconds,
        train_seconds=state.train_seconds,
    )


def _compute_gradients(wrapped_network: nn.Module, step: int, setup: TrainingSetup) -> Tensor:
    """Fill the gradients; return this process's mean loss and number of hits, float32 (2,)."""
    request = setup.request
    index = request.plan.phase_index(step)
    phase, parts = request.plan.phases[index], setup.accumulation[index]
    share = setup.feed.order.share
    smoothing = request.recipe.label_smoothing
    sums = torch.zeros(2, device=request.device)
    for number, (images, targets) in enumerate(setup.feed.batches(step, phase, parts), start=1):
        part = setup.processes.rank * parts + number - 1
        torch.manual_seed(seed_of(request.seed, step, part, _NETWORK_STREAM))
        with _synchronisation(wrapped_network, enabled=number == parts):
            with autocast(request.device, request.precision):
                logits = wrapped_network(images)
            loss = F.cross_entropy(logits.float(), targets, label_smoothing=smoothing)
            loss = loss * (len(images) / share)
            loss.backward()
        chosen = targets.gather(1, logits.argmax(dim=1, keepdim=True))
        hits = (chosen == targets.amax(dim=1, keepdim=True)).sum()  # any of several classes
        sums += torch.stack((loss.detach(), hits.float()))
    return sums


def _clip_gradients(network: nn.Module, max_norm: float | None) -> Tensor:
    """Scale all gradients down to `max_norm` in place; return their norm before, shape ()."""
    parameters = [p for p in network.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    if max_norm is not None:
        torch.nn.utils.clip_grads_with_norm_(parameters, max_norm, norm)
    return norm


def _synchronisation(wrapped_network: nn.Module, *, enabled: bool) -> AbstractContextManager[None]:
    """Return the context in which gradients are averaged over processes, or only accumulated."""
    if enabled or not isinstance(wrapped_network, DistributedDataParallel):
        return nullcontext()
    return wrapped_network.no_sync()


def _running_statistics(network: nn.Module) -> list[Tensor]:
    """Return the running means and variances of batch normalisation, (channels,) each."""
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm)]
    pairs = [(layer.running_mean, layer.running_var) for layer in layers]
    return [statistic for pair in pairs for statistic in pair if statistic is not None]
