"""A candidate's training step, timed in turn with the reference network's on real images."""

import numpy as np
import torch
from torch import Tensor, nn

from trainer.config import Precision
from trainer.data.loading.batches import Batches
from trainer.device.gate import DeviceGate, device_key
from trainer.proxy.task import (
    ProxyTask,
    build_candidate,
    candidate_loss,
    candidate_optimizer,
    proxy_split,
)
from trainer.timing.step_time import StepTime
from trainer.timing.step_timer import time_steps
from trainer.timing.training_step import TrainingStep


def time_candidate(
    network: nn.Module, task: ProxyTask, gate: DeviceGate
) -> tuple[StepTime, StepTime]:
    """Time the candidate and the reference in turn, on the same real images."""
    images, labels = _one_batch(task)
    reference = build_candidate(task.reference, task)
    precision = task.config.precision
    steps = [_training_step(net, task, images, labels, precision) for net in (network, reference)]
    candidate_time, reference_time = time_steps(steps, task.config.timing, gate)
    return candidate_time, reference_time


def faster_precision(task: ProxyTask) -> Precision:
    """Return the precision in which the reference network's training step is faster here.

    bfloat16 on a GPU. A CPU is asked: bfloat16 loses on small networks and wins on large ones.
    """
    if task.device.type == "cuda":
        return "bf16"
    images, labels = _one_batch(task)
    torch.manual_seed(task.config.seed)
    network = build_candidate(task.reference, task)
    choices: tuple[Precision, ...] = ("fp32", "bf16")
    steps = [_training_step(network, task, images, labels, choice) for choice in choices]
    with DeviceGate(device_key(task.device)) as gate:
        fp32, bf16 = time_steps(steps, task.config.timing, gate)
    return "bf16" if bf16.step_time_s < fp32.step_time_s else "fp32"


def _training_step(
    network: nn.Module, task: ProxyTask, images: Tensor, labels: Tensor, precision: Precision
) -> TrainingStep:
    # A rate of zero costs the same arithmetic and keeps the weights, and so the work, as it is.
    optimizer = candidate_optimizer(network, task.config, rate=0.0)
    return TrainingStep(
        network=network,
        optimizer=optimizer,
        loss=candidate_loss(task.config),
        images=images,
        labels=labels,
        precision=precision,
    )


def _one_batch(task: ProxyTask) -> tuple[Tensor, Tensor]:
    """Return one whole batch of training images; too few of them are repeated."""
    training, _ = proxy_split(task.config, task.images)
    filled = np.resize(training, task.config.batch_size)
    batches = Batches(
        task.images.splits["train"],
        filled,
        device=task.device,
        batch_size=task.config.batch_size,
        train=False,
    )
    return next(iter(batches.epoch(0)))
