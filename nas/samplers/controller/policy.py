"""The controller's network: an LSTM that makes one decision after the other."""

from dataclasses import dataclass

import numpy as np

from nas.samplers.controller.lstm import (
    Array,
    LstmTrace,
    LstmWeights,
    lstm_backward,
    lstm_forward,
    lstm_step,
)
from nas.samplers.controller.trial_batch import Lesson, Step
from nas.samplers.seeding import named_seed

INIT_RANGE = 0.1  # weights begin uniform within +- this; NASNet, appendix A.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """Where the network is in the middle of its decisions.

    Attributes:
        hidden: Output of the LSTM, [1, H].
        cell: Its memory, [1, H].
    """

    hidden: Array
    cell: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the policy says of a lesson.

    Attributes:
        log_probs: Of every option of a step's decision, -inf for those of others, [T, B, V].
        trace: The LSTM's.
    """

    log_probs: Array
    trace: LstmTrace


class Policy:
    """One LSTM layer, and for each decision a softmax over its options and their embeddings.

    Decisions are met as they come; each has weights of its own that begin as a function of the
    seed and its name alone, so it does not matter when it is met first. Decisions that are not
    made take no step. NumPy in float64: the network is too small for torch to be faster, and
    what rounding could change is far smaller than any probability.

    Attributes:
        weights: By name; an update changes them in place.

    Source: Zoph et al., Learning Transferable Architectures (arXiv:1707.07012, appendix A.2).
    """

    def __init__(self, *, seed: int, hidden: int) -> None:
        self._seed, self._width = seed, hidden
        self.weights: dict[str, Array] = {}
        for name, shape in _LSTM_SHAPES.items():
            self._draw(name, *(size * hidden for size in shape))
        self._draw("start", 1, hidden)

    def begin(self) -> Thought:
        """Return the state in which the first decision is made."""
        zeros = np.zeros((1, self._width))
        return self._hear(self.weights["start"], Thought(hidden=zeros, cell=zeros))

    def choose(self, thought: Thought, step: Step) -> Thought:
        """Return the state in which the decision after `step` is made."""
        embeddings = self._of(step.name, step.num_options)[2]
        return self._hear(embeddings[step.chosen : step.chosen + 1], thought)

    def log_probs(self, thought: Thought, name: str, num_options: int) -> list[float]:
        """Return the log-probability of each option of a decision."""
        weight, bias, _ = self._of(name, num_options)
        values: list[float] = _log_softmax(thought.hidden @ weight.T + bias)[0].tolist()
        return values

    def judge(self, lesson: Lesson) -> Verdict:
        """Return how likely the policy is to make these decisions."""
        weight, bias, embeddings = self._tables(lesson)
        trace = lstm_forward(self._lstm(), embeddings[lesson.heard])
        logits = trace.hidden[1:] @ weight.T + bias
        logits[lesson.foreign] = -np.inf
        return Verdict(log_probs=_log_softmax(logits), trace=trace)

    def gradients(self, lesson: Lesson, verdict: Verdict, logits: Array) -> dict[str, Array]:
        """Return the gradient of the weights that `lesson` needs.

        Args:
            lesson: What was judged.
            verdict: What `judge` returned, by weights that are still the same.
            logits: Gradient of the loss with respect to the logits, [T, B, V].
        """
        trace = verdict.trace
        lstm, inputs = lstm_backward(self._lstm(), trace, logits @ self._tables(lesson)[0])
        weight = (logits.transpose(0, 2, 1) @ trace.hidden[1:]).sum(axis=0)
        bias = logits.sum(axis=(0, 1))
        embeddings = np.zeros((1 + len(bias), self._width))
        np.add.at(embeddings, lesson.heard, inputs)
        found = {"inputs": lstm.inputs, "recurrent": lstm.recurrent, "bias": lstm.bias}
        found["start"] = embeddings[:1]
        for name, at in lesson.columns.items():
            found[f"{name}/weight"], found[f"{name}/bias"] = weight[at], bias[at]
            found[f"{name}/embedding"] = embeddings[1:][at]
        return found

    def _tables(self, lesson: Lesson) -> tuple[Array, Array, Array]:
        """Return weight [V, H], bias [V] and embeddings [1 + V, H] of all decisions at once."""
        tables = [self._of(name, at.stop - at.start) for name, at in lesson.columns.items()]
        weight, bias, embeddings = zip(*tables, strict=True)
        start = self.weights["start"]
        return np.concatenate(weight), np.concatenate(bias), np.concatenate([start, *embeddings])

    def _hear(self, embedding: Array, thought: Thought) -> Thought:
        _, hidden, cell = lstm_step(self._lstm(), embedding, thought.hidden, thought.cell)
        return Thought(hidden=hidden, cell=cell)

    def _lstm(self) -> LstmWeights:
        return LstmWeights(**{name: self.weights[name] for name in _LSTM_SHAPES})

    def _of(self, name: str, num_options: int) -> tuple[Array, Array, Array]:
        """Return weight [n, H], bias [n] and embeddings [n, H] of a decision."""
        if f"{name}/weight" not in self.weights:
            self._draw(f"{name}/weight", num_options, self._width)
            self._draw(f"{name}/bias", num_options)
            self._draw(f"{name}/embedding", num_options, self._width)
        kinds = ("weight", "bias", "embedding")
        weight, bias, embedding = (self.weights[f"{name}/{kind}"] for kind in kinds)
        return weight, bias, embedding

    def _draw(self, name: str, *shape: int) -> None:
        generator = np.random.default_rng(named_seed(self._seed, name))
        self.weights[name] = generator.uniform(-INIT_RANGE, INIT_RANGE, shape)


_LSTM_SHAPES = {"inputs": (4, 1), "recurrent": (4, 1), "bias": (4,)}  # in units of H


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    values: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return values
