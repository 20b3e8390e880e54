"""A candidate on its ladder: timed first, then trained rung by rung from its own checkpoint."""

import io
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from search_space.architecture import Architecture
from search_space.atomic_file import write_atomic
from search_space.cost import count_macs, count_params
from trainer.data.loading.batches import Batches
from trainer.data.loading.order import seed_of
from trainer.device.gate import DeviceGate, device_key
from trainer.proxy.evaluate import EVALUATION_BATCH
from trainer.proxy.loops import accuracy, train_epoch
from trainer.proxy.measurement import Measurement
from trainer.proxy.memory_check import check_memory, full_device_is_infeasible
from trainer.proxy.rungs import Rung, rung_learning_rate
from trainer.proxy.step_timing import time_candidate
from trainer.proxy.task import (
    ProxyTask,
    build_candidate,
    candidate_loss,
    candidate_optimizer,
    proxy_split,
)
from trainer.tensor_file import load_tensors

SCHEMA = "nas.rung/1"

# Unlike those of image order and augmentation: the stream of seeds that dropout draws from.
_DROPOUT_STREAM = 11

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RungResult:
    """A candidate at the end of a rung.

    Attributes:
        accuracy: Top-1 accuracy on the held-out images at the rung's image size, in [0, 1].
        train_loss: Mean training loss of the last epoch.
        state: What the next rung goes on from: weights, batch statistics and the optimizer's.
            Everything random is a function of (seed, epoch) or (seed, rung), so this is all.
    """

    accuracy: float
    train_loss: float
    state: State


def measure_untrained(architecture: Architecture, task: ProxyTask) -> Measurement:
    """Time the candidate's step at the proxy's full image size, before any training.

    Returns:
        A measurement whose accuracy is 0 and whose loss is 0: nothing was trained.

    Raises:
        InfeasibleError: If it does not fit the device.
    """
    check_memory(architecture, task)
    torch.manual_seed(task.config.seed)
    started = time.perf_counter()
    with full_device_is_infeasible(task.device), DeviceGate(device_key(task.device)) as gate:
        step_time, reference = time_candidate(build_candidate(architecture, task), task, gate)
    return Measurement(
        accuracy=0.0,
        step_time=step_time,
        reference_step_time_s=reference.step_time_s,
        num_params=count_params(architecture, task.images.num_classes),
        macs=count_macs(architecture, task.config.image_size, task.images.num_classes),
        train_loss=0.0,
        train_seconds=0.0,
        timing_seconds=time.perf_counter() - started,
    )


def train_rung(
    architecture: Architecture, task: ProxyTask, rung: Rung, state: State | None
) -> RungResult:
    """Train `architecture` through one rung and measure its accuracy.

    Rungs in several processes, each from the state of the one before, give the same bits on a
    CPU as in one process. Images larger than those of the rung before need no change to the
    weights: a convolution's do not depend on the image size.

    Args:
        architecture: What is trained.
        task: On what, and how.
        rung: Image size, regularisation and epochs.
        state: Of the rung before; None at the first.

    Raises:
        InfeasibleError: If it does not fit the device, or its loss is not finite.

    Source: EfficientNetV2 (arXiv:2104.00298), section 4.2, for the growing images.
    """
    torch.manual_seed(task.config.seed)
    with full_device_is_infeasible(task.device), DeviceGate(device_key(task.device)) as gate:
        network = build_candidate(architecture, task)
        optimizer = candidate_optimizer(network, task.config, rate=0.0)
        if state is not None:
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
        network.set_dropout(rung.phase.dropout)
        torch.manual_seed(seed_of(task.config.seed, rung.first_epoch, _DROPOUT_STREAM))
        training, evaluation = _batches(task, rung)
        loss = math.nan
        for epoch in range(rung.first_epoch, rung.first_epoch + rung.epochs):
            loss = train_epoch(
                network,
                training.epoch(epoch),
                optimizer=optimizer,
                loss=candidate_loss(task.config),
                rate_at=partial(_rate, task, rung, training.steps_per_epoch, epoch),
                gate=gate,
                precision=task.config.precision,
            )
        top1 = accuracy(network, evaluation.epoch(0), gate=gate, precision=task.config.precision)
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
    return RungResult(accuracy=top1, train_loss=loss, state=state)


def save_rung(path: Path, state: State) -> None:
    """Write a rung's state, whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    stream = io.BytesIO()
    torch.save({"schema": SCHEMA, **state}, stream)
    write_atomic(path, stream.getvalue())


def load_rung(path: Path, device: torch.device) -> State | None:
    """Return a rung's state; None if the file is not there, or is damaged."""
    try:
        content = load_tensors(path, device)
    except (FileNotFoundError, ValueError):
        return None
    return content if content.get("schema") == SCHEMA else None


def _batches(task: ProxyTask, rung: Rung) -> tuple[Batches, Batches]:
    """Return the images that the rung trains on, and those that measure it, at its size."""
    config, split, size = task.config, task.images.splits["train"], rung.phase.image_size
    training, held_out = proxy_split(config, task.images)
    return (
        Batches(
            split,
            training,
            device=task.device,
            batch_size=config.batch_size,
            seed=config.seed,
            flip=config.flip,
            crop_padding=round(config.crop_padding * size),
            size=size,
            randaug_magnitude=rung.phase.randaug_magnitude,
        ),
        Batches(
            split,
            held_out,
            device=task.device,
            batch_size=EVALUATION_BATCH,
            train=False,
            size=size,
        ),
    )


def _rate(task: ProxyTask, rung: Rung, steps_per_epoch: int, epoch: int, step: int) -> float:
    return rung_learning_rate(
        task.config, rung, steps_per_epoch=steps_per_epoch, epoch=epoch, step=step
    )
