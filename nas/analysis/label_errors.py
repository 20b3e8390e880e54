"""Likely label errors: images that every network gets wrong that was not trained on them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trainer.proxy.predictions import Predictions

MIN_NETWORKS = 2  # one network's mistake is mostly its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """An image that every network gets wrong.

    Attributes:
        position: The image in the training split.
        label: Its class in the data set.
        said: (class, number of networks that predict it), the most frequent first.
        networks: Networks that were not trained on it, >= `MIN_NETWORKS`; all of them are wrong.
        confidence: Mean probability of the predicted class, in [0, 1].
        label_probability: Mean probability of the label, in [0, 1].
    """

    position: int
    label: int
    said: tuple[tuple[int, int], ...]
    networks: int
    confidence: float
    label_probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspects:
    """The images that every network gets wrong, and how many could be judged.

    Attributes:
        images: The suspects, the least probable label first.
        num_networks: Networks whose predictions were compared.
        num_held_out: Images that at least one of them was not trained on.
        num_judged: Images that at least `MIN_NETWORKS` were not trained on.
    """

    images: tuple[Suspect, ...]
    num_networks: int
    num_held_out: int
    num_judged: int


def find_suspects(predictions: Sequence[Predictions]) -> Suspects:
    """Return the images that at least `MIN_NETWORKS` networks judge and all get wrong.

    They are ranked by the mean probability of the label, the lowest first. The margin between
    prediction and label finds fewer wrong labels (`experiments/label_errors`).

    Args:
        predictions: Those of each network on the images that it was not trained on.

    Source: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset
        Labels" (arXiv:1911.00068), sections 2 and 3.2, for out-of-sample predictions and the
        ranking by self-confidence.
    """
    if not predictions:
        return Suspects(images=(), num_networks=0, num_held_out=0, num_judged=0)
    positions = np.concatenate([one.positions for one in predictions])
    wrong = np.concatenate([one.predicted != one.labels for one in predictions])
    known, group = np.unique(positions, return_inverse=True)
    networks = np.bincount(group)
    mistakes = np.bincount(group, weights=wrong).astype(np.int64)
    suspected = np.flatnonzero((networks >= MIN_NETWORKS) & (mistakes == networks))
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(networks)
    columns = _Columns(predictions)
    images = [
        columns.suspect(order[ends[index] - networks[index] : ends[index]]) for index in suspected
    ]
    images.sort(key=lambda one: (one.label_probability, -one.confidence, one.position))
    return Suspects(
        images=tuple(images),
        num_networks=len(predictions),
        num_held_out=len(known),
        num_judged=int((networks >= MIN_NETWORKS).sum()),
    )


class _Columns:
    """The predictions of all networks, one after the other."""

    def __init__(self, predictions: Sequence[Predictions]) -> None:
        self._positions, self._labels, self._predicted = (
            np.concatenate([getattr(one, name) for one in predictions])
            for name in ("positions", "labels", "predicted")
        )
        self._confidence, self._label_probability = (
            # Not a number where the logits overflowed: such a network says nothing.
            np.nan_to_num(np.concatenate([getattr(one, name) for one in predictions]), nan=at)
            for name, at in (("confidence", 0.0), ("label_probability", 1.0))
        )

    def suspect(self, rows: npt.NDArray[np.int64]) -> Suspect:
        """Return the image whose predictions are in `rows`."""
        said = Counter(self._predicted[rows].tolist())
        return Suspect(
            position=int(self._positions[rows[0]]),
            label=int(self._labels[rows[0]]),
            said=tuple(sorted(said.items(), key=lambda pair: (-pair[1], pair[0]))),
            networks=len(rows),
            confidence=float(self._confidence[rows].mean()),
            label_probability=float(self._label_probability[rows].mean()),
        )
