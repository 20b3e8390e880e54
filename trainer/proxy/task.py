"""What every candidate of a search is trained on, and the parts of its training."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from search_space.architecture import Architecture
from search_space.network import Network, build_network
from trainer.config import ProxyConfig
from trainer.data.cache.images import CachedImages
from trainer.data.holdout import holdout
from trainer.optim import make_optimizer

Indices = npt.NDArray[np.int64]


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


def proxy_split(config: ProxyConfig, images: CachedImages) -> tuple[Indices, Indices]:
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
    training, held_out = holdout(
        split.labels, groups=split.groups, size=config.holdout, seed=config.seed
    )
    if config.max_images is not None and config.max_images < len(training):
        labels = split.labels[training]
        try:
            _, chosen = holdout(labels, size=config.max_images, seed=config.seed)
        except ValueError as error:
            raise ValueError(f"--max-images {config.max_images} is too few: {error}") from error
        training = training[chosen]
    return training, held_out
