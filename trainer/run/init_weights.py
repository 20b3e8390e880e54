"""Initial weights of a network from a file of nas-train, torchvision or timm."""

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

# Keys under which a file stores its weights, of nas-train and of other tools.
_KEYS = ("ema", "state_dict_ema", "state_dict", "model_ema", "model")
# Prefixes of all names: of DataParallel and averages, of torch.compile, of Lightning.
_WRAPPERS = ("module.", "_orig_mod.", "model.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """Result of `init_from`.

    Attributes:
        naming: Naming scheme of the file: "ours", "torchvision" or "timm".
        loaded: Names of the loaded tensors.
        left_out: Names of the other tensors of the file, each with the reason.
        fresh: Names of the network's tensors that keep their random values.
    """

    naming: str
    loaded: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    fresh: tuple[str, ...]

    def __str__(self) -> str:
        """Return one line for the console."""
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
    """Load into `network`, of `architecture`, those tensors of a file that match it.

    They match by name and shape; the file is one of torch.save.

    A classifier for another number of classes is left out. Files of nas-train may be of another
    architecture; those of torchvision and timm must be of this one.

    Raises:
        ValueError: If the file is damaged, of an unknown naming scheme, or nothing matches.
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
    # The training scripts of timm and torchvision store their arguments with the weights.
    plain = (argparse.Namespace,)
    content: Mapping[str, Any] = load_tensors(path, torch.device("cpu"), plain=plain)
    if isinstance(state := content.get("state"), dict):  # a checkpoint of nas-train
        content = {"ema": state["average"] or state["network"]}
    inner = next((content[key] for key in _KEYS if isinstance(content.get(key), dict)), content)
    tensors = {name: value for name, value in inner.items() if isinstance(value, Tensor)}
    tensors.pop("n_averaged", None)  # of torch's AveragedModel
    if not tensors:
        raise ValueError(f"{path}: holds no weights")
    while wrapper := next((w for w in _WRAPPERS if all(n.startswith(w) for n in tensors)), None):
        tensors = {name.removeprefix(wrapper): value for name, value in tensors.items()}
    return tensors


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
