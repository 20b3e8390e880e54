"""A candidate's short training and timing: what stands in for training it in full."""

import math
import time
from functools import partial

import torch
from torch import nn

from search_space.architecture import Architecture
from search_space.cost import count_macs, count_params
from trainer.config import ProxyConfig
from trainer.data.loading.batches import Batches
from trainer.device.gate import DeviceGate, device_key
from trainer.proxy.loops import accuracy, train_epoch
from trainer.proxy.measurement import Measurement
from trainer.proxy.memory_check import check_memory, full_device_is_infeasible
from trainer.proxy.step_timing import time_candidate
from trainer.proxy.task import (
    ProxyTask,
    build_candidate,
    candidate_loss,
    candidate_optimizer,
    proxy_split,
)
from trainer.schedule import cosine, exponential, scaled_learning_rate

# Images of an evaluation batch: as many activations as training keeps fit many times over.
EVALUATION_BATCH = 256


def evaluate(architecture: Architecture, task: ProxyTask) -> Measurement:
    """Train `architecture` briefly, measure its accuracy, and time its training step.

    The accuracy is top-1 on a held-out part of the training split (the paper's minival); the
    other splits are never looked at. On a CPU the accuracy is a function of the arguments.

    Raises:
        InfeasibleError: If it does not fit the device, or its loss is not finite.

    Source: EfficientNetV2 (arXiv:2104.00298), sections 3.3 and 5.1.
    """
    check_memory(architecture, task)
    torch.manual_seed(task.config.seed)
    with full_device_is_infeasible(task.device), DeviceGate(device_key(task.device)) as gate:
        started = time.perf_counter()
        network = build_candidate(architecture, task)
        loss, top1 = _train(network, task, gate)
        trained = time.perf_counter()
        step_time, reference = time_candidate(network, task, gate)
    return Measurement(
        accuracy=top1,
        step_time=step_time,
        reference_step_time_s=reference.step_time_s,
        num_params=count_params(architecture, task.images.num_classes),
        macs=count_macs(architecture, task.config.image_size, task.images.num_classes),
        train_loss=loss,
        train_seconds=trained - started,
        timing_seconds=time.perf_counter() - trained,
    )


def _train(network: nn.Module, task: ProxyTask, gate: DeviceGate) -> tuple[float, float]:
    """Return the last epoch's mean loss and the accuracy on the held-out images."""
    config, split = task.config, task.images.splits["train"]
    training, held_out = proxy_split(config, task.images)
    batches = Batches(
        split,
        training,
        device=task.device,
        batch_size=config.batch_size,
        seed=config.seed,
        flip=config.flip,
        crop_padding=round(config.crop_padding * config.image_size),
    )
    optimizer = candidate_optimizer(network, config, rate=config.learning_rate)
    loss = math.nan
    for epoch in range(config.epochs):
        loss = train_epoch(
            network,
            batches.epoch(epoch),
            optimizer=optimizer,
            loss=candidate_loss(config),
            rate_at=partial(_learning_rate, config, batches.steps_per_epoch, epoch),
            gate=gate,
            precision=config.precision,
        )
    evaluation = Batches(
        split, held_out, device=task.device, batch_size=EVALUATION_BATCH, train=False
    )
    top1 = accuracy(network, evaluation.epoch(0), gate=gate, precision=config.precision)
    return loss, top1


def _learning_rate(config: ProxyConfig, steps_per_epoch: int, epoch: int, step: int) -> float:
    peak = scaled_learning_rate(config.learning_rate, config.batch_size)
    warmup = config.warmup_epochs * steps_per_epoch
    now = epoch * steps_per_epoch + step
    if config.schedule == "cosine":
        total = config.epochs * steps_per_epoch
        return cosine(now, peak=peak, total_steps=total, warmup_steps=warmup)
    return exponential(now, peak=peak, steps_per_epoch=steps_per_epoch, warmup_steps=warmup)
