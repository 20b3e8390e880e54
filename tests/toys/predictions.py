"""Predictions of networks for tests."""

from collections.abc import Mapping

import numpy as np

from trainer.proxy.predictions import Predictions


def network(wrong: Mapping[int, float], held_out: int = 6) -> Predictions:
    """Return predictions on the first images, which are all of class 0.

    `wrong` maps images that are taken for class 1 to the confidence.
    """
    confidence = [wrong.get(position, 0.9) for position in range(held_out)]
    return Predictions(
        positions=np.arange(held_out),
        labels=np.zeros(held_out, dtype=np.int64),
        predicted=np.array([int(position in wrong) for position in range(held_out)]),
        confidence=np.array(confidence, dtype=np.float32),
        label_probability=np.array(
            [1 - confidence[p] if p in wrong else confidence[p] for p in range(held_out)],
            dtype=np.float32,
        ),
    )
