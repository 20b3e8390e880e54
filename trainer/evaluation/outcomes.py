"""What a network makes of each image: its prediction, its confidence, its loss.

A batch of logits becomes a few numbers for each image, so that the logits of many images and
many classes need not be kept.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from trainer.data.labels import Indices, is_multi_label
from trainer.data.loading.train_feed import class_targets
from trainer.fit.evaluation import TOP, hits
from trainer.inference.outputs import class_probabilities

Shares = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
FINITE = "finite"  # beside the attributes of `Outcomes`


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """Predictions for `count` images.

    Attributes:
        labels: (count,) int64, the class of each image by output of the network; or (count, k)
            if images may have several classes, with rows padded by -1.
        predicted: (count,) int64, the class with the largest logit.
        confidence: (count,) float64, its probability, in [0, 1].
        label_probability: (count,) float64, the probability of the image's class, in [0, 1]; of
            several classes the largest, and 0 for an image without a class.
        top1: (count,) bool, whether the prediction is right; of several classes any one is.
        top5: (count,) bool, whether one of the five largest logits is right.
        loss: (count,) float64, cross-entropy in nats; several classes are equal targets.
    """

    labels: Indices
    predicted: Indices
    confidence: Shares
    label_probability: Shares
    top1: Flags
    top5: Flags
    loss: Shares

    def __len__(self) -> int:
        return len(self.predicted)

    @property
    def multi_label(self) -> bool:
        """Whether images may have several classes."""
        return is_multi_label(self.labels)

    @classmethod
    def of(cls, batches: Iterable[tuple[Tensor, Tensor]]) -> Self:
        """Return the outcomes of all batches in their order.

        Args:
            batches: Logits (batch, classes), float32, and labels (batch,) or (batch, k), int64.

        Raises:
            ValueError: If there is no batch, or a logit is not finite.
        """
        parts = [_of_batch(logits, labels) for logits, labels in batches]
        if not parts:
            raise ValueError("Outcomes.batches must have at least one image, got none")
        columns = {name: torch.cat([part[name] for part in parts]).cpu() for name in parts[0]}
        if not columns.pop(FINITE).all():
            raise ValueError(
                "outputs of the network are infinite or not a number; it has diverged"
            )
        names = [one.name for one in fields(cls)]
        return cls(**{name: columns[name].numpy() for name in names})


@torch.no_grad()
def _of_batch(logits: Tensor, labels: Tensor) -> Mapping[str, Tensor]:
    """Return the attributes of `Outcomes` by name for one batch, and whether it is finite.

    They stay on the device until all batches are computed: a copy would wait for the device.
    """
    best = logits.topk(min(TOP, logits.shape[1]), dim=1).indices
    found = hits(best, labels)
    probabilities = class_probabilities(logits)
    several = labels if labels.ndim == 2 else labels[:, None]
    of_labels = probabilities.gather(1, several.clamp(min=0)).where(several >= 0, 0.0)
    targets = labels if labels.ndim == 1 else class_targets(labels, logits.shape[1]).double()
    return {
        FINITE: logits.isfinite().all(dim=1),
        "labels": labels,
        "predicted": best[:, 0],
        "confidence": probabilities.gather(1, best[:, :1])[:, 0],
        "label_probability": of_labels.amax(dim=1),
        "top1": found[:, 0],
        "top5": found.any(dim=1),
        "loss": F.cross_entropy(logits.double(), targets, reduction="none"),
    }
