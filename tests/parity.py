"""Golden kits: outputs and gradients that another library gave under weights made by a rule.

Only the statistics of batch normalisation are stored; every other tensor follows from its
number, so a kit is small and depends on no generator's version. tests/golden/README.md says how
the kits were made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

GOLDEN = Path(__file__).parent / "golden"
_INPUT, _OUTPUT_WEIGHTS = 1_000_000, 1_000_001  # numbers of the two tensors that are no weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """One network of another library.

    Attributes:
        names: Its tensors' names, in the order of its state_dict.
        shapes: Their shapes.
        kinds: Their kinds, which decide the scale.
        bn_stats: All running means and variances, flat, in order.
        zero_grads: Parameters whose gradient is zero in exact arithmetic.
        settings: `bn_eps` and `bn_momentum` of the network.
        input_shape: Shape of the input.
        expected: The float64 results, by name.
    """

    names: list[str]
    shapes: list[list[int]]
    kinds: list[str]
    bn_stats: Tensor
    zero_grads: list[str]
    settings: dict[str, float]
    input_shape: list[int]
    expected: dict[str, Tensor]

    def state_dict(self) -> dict[str, Tensor]:
        """The other library's state_dict, in float64."""
        tensors, start = {}, 0
        for number, name in enumerate(self.names):
            kind, shape = self.kinds[number], self.shapes[number]
            if kind in ("bn_mean", "bn_var"):
                tensors[name] = self.bn_stats[start : start + shape[0]].double()
                start += shape[0]
            else:
                tensors[name] = _tensor(number, shape, kind)
        return tensors

    def input(self) -> Tensor:
        """The images, in the other library's scale, in float64."""
        return _tensor(_INPUT, self.input_shape, "input")


def load_kit(name: str) -> Kit:
    """Read a kit of tests/golden."""
    fields: dict[str, Any] = torch.load(GOLDEN / f"{name}.pt", weights_only=True)
    return Kit(**fields)


def worst_errors(kit: Kit, network: nn.Module, names: Mapping[str, str]) -> dict[str, float]:
    """Largest relative error of each result of `network` in float64.

    Args:
        kit: What the other library gave.
        network: Ours, with the kit's weights loaded.
        names: Our name of each of the kit's tensors.
    """
    got = measure(kit, network, names)
    zero = torch.tensor([name in kit.zero_grads for name in _parameters(kit)])
    norms = kit.expected["grad_norm"].clone()
    norms[zero] = norms.max()
    errors = {}
    for quantity, wanted in kit.expected.items():
        scale = norms if quantity.startswith("grad_") else wanted.abs().max()
        errors[quantity] = float(((got[quantity] - wanted).abs() / scale).max())
    return errors


def measure(kit: Kit, network: nn.Module, names: Mapping[str, str]) -> dict[str, Tensor]:
    """One evaluation, then one training pass forward and backward, in float64."""
    images = kit.input()
    with torch.no_grad():
        evaluated = network.eval()(images)
    images.requires_grad_()
    trained = network.train()(images)
    (trained * _tensor(_OUTPUT_WEIGHTS, list(trained.shape), "plain")).sum().backward()
    assert images.grad is not None
    gradients, statistics = [], []
    tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    for number, name in enumerate(kit.names):
        tensor, direction = tensors[names[name]], _uniform(number, kit.shapes[number])
        if tensor.grad is not None:
            grad = tensor.grad.reshape(direction.shape)
            gradients.append(torch.stack((grad.norm(), (grad * direction).sum())))
        elif kit.kinds[number] in ("bn_mean", "bn_var"):
            statistics.append((tensor * (direction + 2.0)).sum())
    norm, dot = torch.stack(gradients).unbind(1)
    return {
        "eval_out": evaluated,
        "train_out": trained.detach(),
        "input_grad": images.grad[:, :, ::8, ::8],
        "grad_norm": norm,
        "grad_dot": dot,
        "stat_dot": torch.stack(statistics),
    }


def _parameters(kit: Kit) -> list[str]:
    buffers = ("bn_mean", "bn_var", "bn_count")
    return [name for name, kind in zip(kit.names, kit.kinds, strict=True) if kind not in buffers]


def _tensor(number: int, shape: list[int], kind: str) -> Tensor:
    """Tensor `number`, uniform with the scale of its kind, rounded through float32."""
    if kind == "bn_count":
        return torch.zeros(shape, dtype=torch.int64)
    values = _uniform(number, shape)
    if kind in ("conv_w", "linear_w"):  # unit gain
        values = values * np.sqrt(3.0 / np.prod(shape[1:]))
    elif kind in ("bias", "bn_b"):
        values = values * 0.1
    elif kind == "bn_w":
        values = values * 0.2 + 1.0
    elif kind == "input":
        values = values * np.sqrt(3.0)
    elif kind != "plain":
        raise ValueError(f"unknown kind {kind!r}")
    return values.float().double()


def _uniform(number: int, shape: list[int]) -> Tensor:
    """Float64 values in [-1, 1): a splitmix64 hash of (number, position)."""
    with np.errstate(over="ignore"):
        state: NDArray[np.uint64] = np.arange(int(np.prod(shape)), dtype=np.uint64)
        state = state + np.uint64(number * 2**32) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state = state ^ (state >> np.uint64(31))
    unit = (state >> np.uint64(40)).astype(np.float64) / 2.0**24
    return torch.from_numpy((2.0 * unit - 1.0).reshape(shape))
