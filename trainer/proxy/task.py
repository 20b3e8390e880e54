"""What every candidate of a search is trained on, the parts of its training, and its memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from search_space.architecture import Architecture
from search_space.network import Network, build_network
from trainer.config import ProxyConfig
from trainer.data.cache.images import CachedImages
from trainer.data.holdout import at_most, holdout
from trainer.data.labels import Indices
from trainer.device.gate import DeviceGate, device_key
from trainer.device.memory import device_memory_bytes, predict_training_memory
from trainer.device.out_of_memory import is_out_of_memory
from trainer.optim import make_optimizer
from trainer.proxy.measurement import UntrainableError


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyTask:
    """Images, settings and device of every candidate of a search.

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

    def network(self, architecture: Architecture) -> Network:
        """Return the untrained network on the device."""
        return build_network(architecture, self.images.num_classes).to(self.device)

    def optimizer(self, network: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer of a network, with a learning rate of zero."""
        return make_optimizer(
            self.config.optimizer,
            network,
            learning_rate=0.0,
            momentum=self.config.momentum,
            weight_decay=self.config.weight_decay,
        )

    @property
    def loss(self) -> nn.CrossEntropyLoss:
        """The loss of the short training."""
        return nn.CrossEntropyLoss(label_smoothing=self.config.label_smoothing)

    @contextmanager
    def device_for(self, architecture: Architecture) -> Iterator[DeviceGate]:
        """Seed torch and enter the device's gate for a candidate; free cached memory afterwards.

        Raises:
            UntrainableError: If the predicted training memory is above the limit, or the device's
                memory does not suffice in the block.
        """
        config, limit = self.config, self.memory_limit_bytes
        if limit is None:
            limit = device_memory_bytes(self.device)
        needed = predict_proxy_memory(architecture, config, self.images.num_classes)
        if needed > limit:
            raise UntrainableError(
                f"needs about {needed / 2**30:.1f} GiB to train on batches of "
                f"{config.batch_size}, of {limit / 2**30:.1f} GiB"
            )
        torch.manual_seed(config.seed)
        try:
            with DeviceGate(device_key(self.device)) as gate:
                yield gate
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise UntrainableError(f"out of memory: {str(error).splitlines()[0]}") from None
        finally:
            if self.device.type == "cuda":
                torch.cuda.empty_cache()  # the next candidate starts with a clean device


def proxy_split(config: ProxyConfig, images: CachedImages) -> tuple[Indices, Indices]:
    """Return the positions of the training images (n,) and of the held-out ones (m,), int64.

    There are at most ``config.max_images`` training images.

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
    training, held_out = holdout(
        split, size=config.holdout, seed=config.seed, class_names=images.class_names
    )
    if config.max_images is not None and config.max_images < len(training):
        labels = split.labels[training]
        training = training[at_most(labels, count=config.max_images, seed=config.seed)]
    return training, held_out


def predict_proxy_memory(architecture: Architecture, config: ProxyConfig, num_classes: int) -> int:
    """Return the predicted memory of a step of the short training, bytes; a lower bound."""
    return predict_training_memory(
        architecture,
        config.image_size,
        config.batch_size,
        num_classes=num_classes,
        precision=config.precision,
        optimizer=config.optimizer,
        momentum=config.momentum,
    )
