"""A candidate's short training and timing: what stands in for training it in full."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from search_space.architecture import Architecture
from search_space.cost import count_macs, count_params, training_memory_bytes
from search_space.network import Network, build_network
from trainer.config import Precision, ProxyConfig
from trainer.data.batches import Batches
from trainer.data.cache import CachedImages
from trainer.data.holdout import holdout, stratified
from trainer.engine import accuracy, train_epoch
from trainer.gate import DeviceGate, device_key
from trainer.measurement import InfeasibleError, Measurement, StepTime
from trainer.optim import make_optimizer
from trainer.schedule import cosine, exponential, scaled_learning_rate
from trainer.timing import time_steps
from trainer.training_step import TrainingStep

# Images of an evaluation batch: as many activations as training keeps fit many times over.
EVALUATION_BATCH = 256

# What libraries without an error of their own say of a full device.
OUT_OF_MEMORY = (
    "DefaultCPUAllocator",
    "CUDA error: out of memory",
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
)

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTask:
    """What every candidate of a search is trained on, and how.

    Attributes:
        config: The short training's settings.
        images: The decoded images; only their "train" split is used.
        reference: The network that step times are relative to.
        device: Where to train.
        memory_limit_bytes: A candidate whose predicted training memory is above this is not
            built; None asks the device.
    """

    config: ProxyConfig
    images: CachedImages
    reference: Architecture
    device: torch.device
    memory_limit_bytes: int | None = None


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


@contextmanager
def full_device_is_infeasible(device: torch.device) -> Iterator[None]:
    """Turn a full device into an `InfeasibleError`, and leave the device clean."""
    try:
        yield
    except RuntimeError as error:
        if not _is_out_of_memory(error):
            raise
        raise InfeasibleError(f"out of memory: {str(error).splitlines()[0]}") from None
    finally:
        if device.type == "cuda":
            torch.cuda.empty_cache()  # the next candidate starts with a clean device


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Tell a full device from our own faults, also where a capture's end hides the first error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, torch.OutOfMemoryError) or any(
            w in str(cause) for w in OUT_OF_MEMORY
        ):
            return True
        cause = cause.__context__
    return False


def build_candidate(architecture: Architecture, task: ProxyTask) -> Network:
    """Return the untrained network on the task's device."""
    network = build_network(architecture, task.images.num_classes)
    network.to(task.device)
    return network


def _train(network: nn.Module, task: ProxyTask, gate: DeviceGate) -> tuple[float, float]:
    """Return the last epoch's mean loss and the accuracy on the held-out images."""
    config, split = task.config, task.images.splits["train"]
    training, held_out = split_images(config, task.images)
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
    training, _ = split_images(task.config, task.images)
    filled = np.resize(training, task.config.batch_size)
    batches = Batches(
        task.images.splits["train"],
        filled,
        device=task.device,
        batch_size=task.config.batch_size,
        train=False,
    )
    return next(iter(batches.epoch(0)))


def split_images(config: ProxyConfig, images: CachedImages) -> tuple[Indices, Indices]:
    """Return the training images, at most ``config.max_images`` of them, and the held-out ones.

    Raises:
        ValueError: If there are too few images, `config` leaves too few on a side, or an image
            may be of several classes, for which the short training has no accuracy.
    """
    if images.multi_label:
        raise ValueError(
            f"{images.name}: a search needs images of one class each, and these have several; "
            "search on others, and train the network that is found on these with nas-train"
        )
    split = images.splits["train"]
    training, held_out = holdout(split, size=config.holdout, seed=config.seed)
    if config.max_images is not None and config.max_images < len(training):
        labels = split.labels[training]
        try:
            chosen = stratified(labels, size=config.max_images, seed=config.seed)
        except ValueError as error:
            raise ValueError(f"--max-images {config.max_images} is too few: {error}") from error
        training = training[chosen]
    return training, held_out


def candidate_optimizer(
    network: nn.Module, config: ProxyConfig, *, rate: float
) -> torch.optim.Optimizer:
    """Return the short training's optimizer."""
    return make_optimizer(
        config.optimizer,
        network,
        learning_rate=rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
    )


def candidate_loss(config: ProxyConfig) -> nn.CrossEntropyLoss:
    """Return the short training's loss."""
    return nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)


def _learning_rate(config: ProxyConfig, steps_per_epoch: int, epoch: int, step: int) -> float:
    peak = scaled_learning_rate(config.learning_rate, config.batch_size)
    warmup = config.warmup_epochs * steps_per_epoch
    now = epoch * steps_per_epoch + step
    if config.schedule == "cosine":
        total = config.epochs * steps_per_epoch
        return cosine(now, peak=peak, total_steps=total, warmup_steps=warmup)
    return exponential(now, peak=peak, steps_per_epoch=steps_per_epoch, warmup_steps=warmup)


def check_memory(architecture: Architecture, task: ProxyTask) -> None:
    """Refuse what cannot fit, before building it.

    Raises:
        InfeasibleError: If the predicted training memory is above the limit.
    """
    limit = task.memory_limit_bytes
    if limit is None and task.device.type == "cuda":
        limit = torch.cuda.get_device_properties(task.device).total_memory
    needed = training_memory_bytes(
        architecture,
        task.config.image_size,
        task.config.batch_size,
        bytes_per_element=2 if task.config.precision == "bf16" else 4,
        num_classes=task.images.num_classes,
        optimizer_slots=1 if task.config.optimizer == "sgd" else 2,
    )
    if limit is not None and needed > limit:
        raise InfeasibleError(
            f"needs about {needed / 2**30:.1f} GiB to train on batches of "
            f"{task.config.batch_size}, of {limit / 2**30:.1f} GiB"
        )
