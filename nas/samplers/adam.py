"""Adam over named weights that come and go."""

from collections.abc import Mapping

import numpy as np

from nas.samplers.lstm import Array

FIRST_DECAY, SECOND_DECAY, TINY = 0.9, 0.999, 1e-8  # the paper's


class Adam:
    """Keeps the moments of each weight, and how often it was given a gradient.

    Source: Kingma and Ba (arXiv:1412.6980, algorithm 1).
    """

    def __init__(self, learning_rate: float) -> None:
        self._rate = learning_rate
        self._moments: dict[str, tuple[int, Array, Array]] = {}

    def step(self, weights: Mapping[str, Array], gradients: Mapping[str, Array]) -> None:
        """Change `weights` in place; those without a gradient rest."""
        for name, gradient in gradients.items():
            zeros = np.zeros_like(gradient)
            count, first, second = self._moments.get(name, (0, zeros, zeros))
            count += 1
            first = FIRST_DECAY * first + (1 - FIRST_DECAY) * gradient
            second = SECOND_DECAY * second + (1 - SECOND_DECAY) * gradient**2
            self._moments[name] = count, first, second
            unbiased = np.sqrt(second / (1 - SECOND_DECAY**count)) + TINY
            weights[name][...] -= self._rate / (1 - FIRST_DECAY**count) * first / unbiased
