"""Training steps on noise, for timing without a data set."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from search_space.architecture import Architecture
from search_space.network import build_network
from trainer.config import Precision
from trainer.device.memory import device_memory_bytes, predict_training_memory
from trainer.device.precision import resolve_precision
from trainer.optim import make_optimizer
from trainer.timing.training_step import TrainingStep


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSettings:
    """Settings of a training step on noise.

    Attributes:
        batch_size: Images per step.
        num_classes: Outputs of the classifier.
        device: Device of the step.
        optimizer: Update rule.
        precision: Arithmetic of the forward pass; None is bf16 on a GPU and fp32 on a CPU.
    """

    batch_size: int
    num_classes: int
    device: torch.device
    optimizer: Literal["rmsprop", "sgd"] = "rmsprop"
    precision: Precision | None = None

    @property
    def resolved_precision(self) -> Precision:
        """Arithmetic of the forward pass on the device."""
        return resolve_precision(self.precision, self.device)

    def memory_bytes(self, architecture: Architecture, image_size: int) -> int:
        """Return the predicted memory of a step with images of `image_size` pixels, bytes."""
        return predict_training_memory(
            architecture,
            image_size,
            self.batch_size,
            num_classes=self.num_classes,
            precision=self.resolved_precision,
            optimizer=self.optimizer,
        )


def require_memory(
    architecture: Architecture, name: str, image_size: int, settings: StepSettings
) -> None:
    """Refuse a step that cannot fit: the kernel would end a process on a CPU without a message.

    Raises:
        ValueError: If the predicted training memory is above the device's.
    """
    limit = device_memory_bytes(settings.device)
    needed = settings.memory_bytes(architecture, image_size)
    if needed > limit:
        raise ValueError(
            f"--batch-size {settings.batch_size} is too large for {name} at {image_size} pixels: "
            f"it needs about {needed / 2**30:.1f} GiB of {limit / 2**30:.1f} GiB"
        )


def noise_images(batch_size: int, image_size: int, device: torch.device) -> Tensor:
    """Return random images (batch, 3, size, size) on `device`, float32, channels last.

    They are from a standard normal distribution. On zeros, a GPU would draw less power and run
    faster.
    """
    images = torch.randn(batch_size, 3, image_size, image_size, device=device)
    return images.contiguous(memory_format=torch.channels_last)


def noise_batch(
    batch_size: int, image_size: int, num_classes: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return the images of `noise_images` and labels (batch,), int64 in [0, num_classes)."""
    images = noise_images(batch_size, image_size, device)
    return images, torch.randint(num_classes, (batch_size,), device=device)


def synthetic_step(
    architecture: Architecture, image_size: int, settings: StepSettings
) -> TrainingStep:
    """Return the step of a new network on noise; equal arguments give equal steps."""
    torch.manual_seed(0)
    network = build_network(architecture, settings.num_classes).to(settings.device)
    images, labels = noise_batch(
        settings.batch_size, image_size, settings.num_classes, settings.device
    )
    return TrainingStep(
        network=network,
        optimizer=make_optimizer(settings.optimizer, network, learning_rate=0.0),
        loss=nn.CrossEntropyLoss(label_smoothing=0.1),
        images=images,
        labels=labels,
        precision=settings.resolved_precision,
    )
