"""Batch size of every phase: predicted from memory, then verified by a real training step."""

import gc
import math
import time
from dataclasses import dataclass

import torch
from torch import nn

from trainer.device.memory import device_memory_bytes, predict_training_memory
from trainer.fit.processes import Processes
from trainer.fit.request import TrainRequest
from trainer.fit.state import new_state
from trainer.schedule import Phase
from trainer.timing.synthetic_step import noise_batch
from trainer.timing.training_step import TrainingStep

# The prediction excludes workspaces, the average and augmentation: usable share of the memory.
USABLE = 0.8
# Batch normalisation needs two values per channel where a map has a single pixel.
MIN_IMAGES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseBatch:
    """Batches of one process in a step of a phase.

    Attributes:
        accumulation: Number of batches.
        batch_size: Images of the largest batch.
        predicted_bytes: Predicted training memory of this batch.
    """

    accumulation: int
    batch_size: int
    predicted_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSizeFinder:
    """Finds the largest batches of a training that fit the memory of each process.

    Attributes:
        request: The training.
        processes: The processes that share a step.
    """

    request: TrainRequest
    processes: Processes

    @property
    def share(self) -> int:
        """Images per step in one process."""
        return self.request.recipe.batch_size // self.processes.size

    def require_room(self) -> None:
        """Refuse a network that this device can never train, before it is built.

        Raises:
            ValueError: If the smallest batch of a phase needs more than the device's memory.
        """
        limit = device_memory_bytes(self.request.device)
        for phase in self.request.plan.phases:
            needed = self._predicted_bytes(phase, MIN_IMAGES)
            if needed > limit:
                raise ValueError(_too_large(phase, needed, f" of {limit / 2**30:.1f} GiB"))

    def predicted(self) -> tuple[PhaseBatch, ...]:
        """Return the batches of every phase that fit this process's share of the free memory.

        Raises:
            ValueError: If the smallest batch of a phase does not fit; names its image size.
        """
        device = self.request.device
        sharing = self.processes.on_host if device.type == "cpu" else 1
        limit = device_memory_bytes(device, free=True) // sharing
        return tuple(self._largest(phase, limit) for phase in self.request.plan.phases)

    def verified(self, batches: tuple[PhaseBatch, ...]) -> tuple[PhaseBatch, ...]:
        """Take one real step of every phase, and halve the batches of `predicted` until they fit.

        Each step uses a new network; the training's network does not change.

        Raises:
            ValueError: If the smallest batch does not fit.
        """
        verified = []
        for phase, batch in zip(self.request.plan.phases, batches, strict=True):
            while not self._fits(phase, batch):
                smaller = self._divided(phase, 2 * batch.accumulation)
                if smaller == batch:
                    raise ValueError(_too_large(phase, batch.predicted_bytes, ""))
                batch = smaller
            verified.append(batch)
        return tuple(verified)

    def step_seconds(self, phase: Phase, batch: PhaseBatch) -> float:
        """Return the wall time of a step of `phase` on noise, seconds, timed on one batch."""
        step = self._noise_step(phase, batch.batch_size)
        step.run()
        self._synchronise()
        started = time.perf_counter()
        step.run()
        self._synchronise()
        # The batches of a step differ by at most one image.
        return (time.perf_counter() - started) * self.share / batch.batch_size

    def _largest(self, phase: Phase, limit: int) -> PhaseBatch:
        without_images, with_one = (self._predicted_bytes(phase, count) for count in (0, 1))
        largest = int((USABLE * limit - without_images) / (with_one - without_images))
        if largest < min(MIN_IMAGES, self.share):
            free = f" of {limit / 2**30:.1f} GiB free"
            raise ValueError(_too_large(phase, self._predicted_bytes(phase, MIN_IMAGES), free))
        largest = min(largest, self.request.recipe.micro_batch or self.share)
        return self._divided(phase, math.ceil(self.share / largest))

    def _divided(self, phase: Phase, minimum: int) -> PhaseBatch:
        """Divide the step into `minimum` batches, or into up to twice as many of equal size."""
        maximum = max(1, self.share // MIN_IMAGES)
        equal = (n for n in range(minimum, min(2 * minimum, maximum + 1)) if self.share % n == 0)
        accumulation = min(next(equal, minimum), maximum)
        batch_size = math.ceil(self.share / accumulation)
        return PhaseBatch(
            accumulation=accumulation,
            batch_size=batch_size,
            predicted_bytes=self._predicted_bytes(phase, batch_size),
        )

    def _predicted_bytes(self, phase: Phase, batch_size: int) -> int:
        optimizer = self.request.recipe.optimizer
        return predict_training_memory(
            self.request.file.architecture,
            phase.image_size,
            batch_size,
            num_classes=self.request.images.num_classes,
            precision=self.request.precision,
            optimizer=optimizer.name,
            momentum=optimizer.momentum,
        )

    def _fits(self, phase: Phase, batch: PhaseBatch) -> bool:
        try:
            self._noise_step(phase, batch.batch_size).run()
            self._synchronise()
        except torch.cuda.OutOfMemoryError:
            return False
        finally:
            if self.request.device.type == "cuda":  # the next step needs the memory of this one
                gc.collect()
                torch.cuda.empty_cache()
        return True

    def _noise_step(self, phase: Phase, batch_size: int) -> TrainingStep:
        """Return a step on noise, of a new network."""
        request, state = self.request, new_state(self.request)
        state.network.train()
        state.network.set_dropout(phase.dropout)
        classes = request.images.num_classes
        images, labels = noise_batch(batch_size, phase.image_size, classes, request.device)
        return TrainingStep(
            network=state.network,
            optimizer=state.optimizer,
            loss=nn.CrossEntropyLoss(label_smoothing=request.recipe.label_smoothing),
            images=images,
            labels=labels,
            precision=request.precision,
        )

    def _synchronise(self) -> None:
        if self.request.device.type == "cuda":
            torch.cuda.synchronize(self.request.device)


def _too_large(phase: Phase, needed: int, limit: str) -> str:
    return (
        f"{MIN_IMAGES} images of {phase.image_size} px need about {needed / 2**30:.1f} GiB"
        f"{limit}: they do not fit; train at a smaller image size"
    )
