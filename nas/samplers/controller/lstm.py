"""One LSTM layer in NumPy, forward and backward; for the controller's small network."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmWeights:
    """Weights, or their gradients.

    Attributes:
        inputs: [4 H, D]; the gates are input, forget, candidate and output.
        recurrent: [4 H, H].
        bias: [4 H].
    """

    inputs: Array
    recurrent: Array
    bias: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class LstmTrace:
    """What the backward pass needs of a forward one; all [T, B, .], time first.

    Attributes:
        inputs: What was heard, [T, B, D].
        gates: Input, forget, candidate and output gate, [T, B, 4 H].
        cells: Memory before the first step and after each, [T + 1, B, H].
        hidden: Output before the first step and after each, [T + 1, B, H].
    """

    inputs: Array
    gates: Array
    cells: Array
    hidden: Array


def lstm_step(
    weights: LstmWeights, inputs: Array, hidden: Array, cell: Array
) -> tuple[Array, Array, Array]:
    """Return gates [B, 4 H], output and memory [B, H] after one step.

    Source: Hochreiter and Schmidhuber 1997, with forget gates; as `torch.nn.LSTMCell`.
    """
    return _step(weights, inputs @ weights.inputs.T + weights.bias, hidden, cell)


def lstm_forward(weights: LstmWeights, inputs: Array) -> LstmTrace:
    """Run over `inputs` [T, B, D] from a state of zeros."""
    (length, batch, _), size = inputs.shape, weights.recurrent.shape[1]
    hidden, cells = np.zeros((2, length + 1, batch, size))
    gates = inputs @ weights.inputs.T + weights.bias
    for t in range(length):
        gates[t], hidden[t + 1], cells[t + 1] = _step(weights, gates[t], hidden[t], cells[t])
    return LstmTrace(inputs=inputs, gates=gates, cells=cells, hidden=hidden)


def lstm_backward(
    weights: LstmWeights, trace: LstmTrace, outputs: Array
) -> tuple[LstmWeights, Array]:
    """Return the gradients of the weights and of the inputs.

    Args:
        weights: Those of the forward pass.
        trace: What it returned.
        outputs: Gradient of the loss with respect to the output of every step, [T, B, H].
    """
    length, batch, size = outputs.shape
    keep, forget, new, out = np.split(trace.gates, 4, axis=2)
    squashed = np.tanh(trace.cells[1:])
    to_cell = out * (1.0 - squashed**2)
    by_cell = np.concatenate(
        (
            new * keep * (1.0 - keep),
            trace.cells[:-1] * forget * (1.0 - forget),
            keep * (1.0 - new**2),
        ),
        axis=2,
    )
    by_hidden = squashed * out * (1.0 - out)
    sums = np.empty((length, batch, 4 * size))  # gradient before the gates' nonlinearities
    d_hidden, d_cell = np.zeros((2, batch, size))
    for t in reversed(range(length)):
        d_hidden = d_hidden + outputs[t]
        d_cell = d_cell + d_hidden * to_cell[t]
        np.multiply(np.tile(d_cell, 3), by_cell[t], out=sums[t, :, : 3 * size])
        np.multiply(d_hidden, by_hidden[t], out=sums[t, :, 3 * size :])
        d_hidden, d_cell = sums[t] @ weights.recurrent, d_cell * forget[t]
    turned = sums.transpose(0, 2, 1)
    gradients = LstmWeights(
        inputs=(turned @ trace.inputs).sum(axis=0),
        recurrent=(turned @ trace.hidden[:-1]).sum(axis=0),
        bias=sums.sum(axis=(0, 1)),
    )
    return gradients, sums @ weights.inputs


def _step(
    weights: LstmWeights, heard: Array, hidden: Array, cell: Array
) -> tuple[Array, Array, Array]:
    """Take a step with what was heard already in terms of the gates, [B, 4 H]."""
    size = hidden.shape[1]
    half = np.full(4 * size, 0.5)
    half[2 * size : 3 * size] = 1.0
    gates = np.tanh((heard + hidden @ weights.recurrent.T) * half)  # sigmoid(x) is
    gates = gates * half + (1.0 - half)  # (1 + tanh(x / 2)) / 2, and half the time of exp
    keep, forget, new, out = np.split(gates, 4, axis=1)
    cell = forget * cell + keep * new
    return gates, out * np.tanh(cell), cell


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
