"""The short training of a candidate, rung by rung; a full training has one rung."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from search_space.architecture import Architecture
from trainer.data.loading.batches import Batches
from trainer.data.loading.order import seed_of
from trainer.proxy.loops import predictions, train_epoch
from trainer.proxy.predictions import Predictions
from trainer.proxy.rungs import Rung, rung_learning_rate
from trainer.proxy.task import ProxyTask, proxy_split
from trainer.tensor_file import load_tensors, save_tensors

SCHEMA = "nas.rung/1"
EVALUATION_BATCH = 256  # images; without gradients their activations fit many times over

# Stream of the seeds of dropout, different from those of image order and augmentation.
_DROPOUT_STREAM = 11

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RungResult:
    """A candidate after a rung.

    Attributes:
        predictions: On the held-out images, at the rung's image size.
        train_loss: Mean training loss of the last epoch.
        state: What the next rung starts from: weights, batch statistics and optimizer state.
            Everything random is a function of (seed, epoch) or (seed, rung), so it is complete.
    """

    predictions: Predictions
    train_loss: float
    state: State

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy on the held-out images, in [0, 1]."""
        return self.predictions.accuracy


def train_rung(
    architecture: Architecture, task: ProxyTask, rung: Rung, state: State | None
) -> RungResult:
    """Train `architecture` through one rung and measure its accuracy.

    The accuracy is top-1 on a held-out part of the training split (the paper's minival); the
    other splits are not used. On a CPU the result is a function of the arguments: rungs in
    several processes, each from the state of the one before, give the same bits as in one
    process. The weights of a convolution do not depend on the image size, so rungs of larger
    images start from them unchanged.

    Args:
        architecture: The candidate's network.
        task: Images and settings.
        rung: Image size, regularisation and epochs.
        state: State after the rung before; None at the first.

    Raises:
        UntrainableError: If it does not fit the device, or its loss is not finite.

    Source: EfficientNetV2 (arXiv:2104.00298), sections 3.3 and 5.1; section 4.2 for the growing
        images.
    """
    config = task.config
    with task.device_for(architecture) as gate:
        network = task.network(architecture)
        optimizer = task.optimizer(network)
        if state is not None:
            network.load_state_dict(state["network"])
            optimizer.load_state_dict(state["optimizer"])
        network.set_dropout(rung.phase.dropout)
        torch.manual_seed(seed_of(config.seed, rung.first_epoch, _DROPOUT_STREAM))
        training, evaluation = _batches(task, rung)
        loss = math.nan
        for epoch in range(rung.first_epoch, rung.first_epoch + rung.epochs):
            loss = train_epoch(
                network,
                training.epoch(epoch),
                optimizer=optimizer,
                loss=task.loss,
                rate_at=partial(rung_learning_rate, config, rung, training.steps_per_epoch, epoch),
                gate=gate,
                precision=config.precision,
            )
        found = predictions(
            network,
            evaluation.epoch(0),
            evaluation.indices,
            gate=gate,
            precision=config.precision,
        )
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
    return RungResult(predictions=found, train_loss=loss, state=state)


def save_rung(path: Path, state: State) -> None:
    """Write the state after a rung, whole or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    save_tensors(path, state, schema=SCHEMA)


def load_rung(path: Path, device: torch.device) -> State | None:
    """Return a rung's state; None if the file is not there, or is damaged."""
    try:
        state = load_tensors(path, device, schema=SCHEMA)
    except (FileNotFoundError, ValueError):
        return None
    complete = all(isinstance(state.get(name), dict) for name in ("network", "optimizer"))
    return state if complete else None


def _batches(task: ProxyTask, rung: Rung) -> tuple[Batches, Batches]:
    """Return the images that the rung trains on, and those that measure it, at its size."""
    config, size = task.config, rung.phase.image_size
    training, held_out = proxy_split(config, task.images)
    make = partial(Batches, task.images.splits["train"], device=task.device, size=size)
    return (
        make(
            training,
            batch_size=config.batch_size,
            seed=config.seed,
            flip=config.flip,
            crop_padding=round(config.crop_padding * size),
            randaug_magnitude=rung.phase.randaug_magnitude,
        ),
        make(held_out, batch_size=EVALUATION_BATCH, train=False),
    )
