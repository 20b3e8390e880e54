"""Starts a network from weights in a file: ours, torchvision's or timm's."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search_space.architecture import Architecture
from search_space.network import Network
from search_space.weights import from_timm, from_torchvision
from trainer.tensor_file import load_tensors

# Where a file keeps its weights: our model and checkpoint, and what other tools call them.
_PLACES = ("ema", "state_dict_ema", "state_dict", "model_ema", "model")
# What wrappers put before every name: DataParallel and averages, torch.compile, Lightning.
_WRAPPERS = ("module.", "_orig_mod.", "model.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What `--init-from` did.

    Attributes:
        naming: Whose names the file uses: "ours", "torchvision" or "timm".
        loaded: Tensors that were taken.
        left_out: Tensors of the file that were not, and why.
        fresh: Tensors of the network that keep their first values.
    """

    naming: str
    loaded: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    fresh: tuple[str, ...]

    def __str__(self) -> str:
        """One line for a person."""
        parts = [f"{len(self.loaded)} tensors loaded ({self.naming} naming)"]
        if self.left_out:
            some = "; ".join(f"{name}: {reason}" for name, reason in self.left_out[:4])
            more = f"; and {len(self.left_out) - 4} more" if len(self.left_out) > 4 else ""
            parts.append(f"{len(self.left_out)} not loaded ({some}{more})")
        if self.fresh:
            some = ", ".join(self.fresh[:4]) + (" and more" if len(self.fresh) > 4 else "")
            parts.append(f"{len(self.fresh)} start afresh ({some})")
        return ", ".join(parts)


def init_from(network: Network, architecture: Architecture, path: Path) -> LoadReport:
    """Load into `network` what fits of the weights at `path`.

    A classifier for other classes is left out, so that the network keeps its new one. Of our
    own files, whatever fits by name and shape is taken; those of torchvision and timm must be
    of this architecture.

    Raises:
        ValueError: If the file is damaged, of an unknown naming, or nothing in it fits.
        OSError: If it cannot be read.
    """
    weights = _weights(path)
    naming, renamed = _renamed(architecture, weights, path)
    target = network.state_dict()
    loaded: dict[str, Tensor] = {}
    left_out: list[tuple[str, str]] = []
    for name, tensor in renamed.items():
        if name not in target:
            left_out.append((name, "this network has no such tensor"))
        elif tensor.shape != target[name].shape:
            shapes = f"{tuple(tensor.shape)} is not {tuple(target[name].shape)}"
            left_out.append((name, f"shape {shapes}"))
        else:
            loaded[name] = tensor
    if not any(name.endswith("conv.weight") for name in loaded):
        raise ValueError(f"{path}: none of its convolutions fit this architecture")
    network.load_state_dict(loaded, strict=False)
    return LoadReport(
        naming=naming,
        loaded=tuple(loaded),
        left_out=tuple(left_out),
        fresh=tuple(name for name in target if name not in loaded),
    )


def _weights(path: Path) -> dict[str, Tensor]:
    content: Mapping[str, Any] = load_tensors(
        # The training scripts of timm and torchvision save their flags with the weights.
        path,
        torch.device("cpu"),
        plain=(argparse.Namespace,),
    )
    if isinstance(content.get("state"), dict):  # our checkpoint; the average comes first
        state = content["state"]
        average = state["average"]
        content = {"ema": _inside(average, "module.")} if average else {"ema": state["network"]}
    inner = next(
        (content[place] for place in _PLACES if isinstance(content.get(place), dict)), content
    )
    tensors = {name: value for name, value in inner.items() if isinstance(value, Tensor)}
    tensors.pop("n_averaged", None)  # of torch's AveragedModel
    if not tensors:
        raise ValueError(f"{path}: holds no weights")
    while wrapper := next((w for w in _WRAPPERS if all(n.startswith(w) for n in tensors)), None):
        tensors = _inside(tensors, wrapper)
    return tensors


def _inside(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def _renamed(
    architecture: Architecture, weights: dict[str, Tensor], path: Path
) -> tuple[str, dict[str, Tensor]]:
    try:
        if "stem.conv.weight" in weights:
            return "ours", weights
        if "features.0.0.weight" in weights:
            return "torchvision", from_torchvision(architecture, weights)
        if "conv_stem.weight" in weights:
            return "timm", from_timm(architecture, weights)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    some = ", ".join(sorted(weights)[:3])
    raise ValueError(f"{path}: neither our naming nor torchvision's nor timm's, has {some}")
