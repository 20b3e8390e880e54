"""The trained network as one file: architecture and weights, read back by one line."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from search_space.architecture import Architecture
from search_space.atomic_file import write_atomic
from search_space.network import Network, build_network
from search_space.nn.layers import Padding
from trainer.tensor_file import load_tensors

SCHEMA = "nas.model/1"
Weights = Literal["ema", "raw"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelFile:
    """What ``model.pt`` holds.

    Attributes:
        architecture: The network's.
        class_names: Names by output.
        train_size: Side of the images that it was last trained on, pixels.
        eval_size: Side of the images that it was evaluated on, pixels.
        padding: Of its convolutions.
        ema: The averaged weights; equal to `raw` where nothing was averaged.
        raw: The weights of the last step.
    """

    architecture: Architecture
    class_names: tuple[str, ...]
    train_size: int
    eval_size: int
    padding: Padding
    ema: dict[str, Tensor]
    raw: dict[str, Tensor]


def save_model(path: Path, model: ModelFile) -> None:
    """Write `model`: whole, or not at all.

    Raises:
        OSError: If it cannot be written.
    """
    content = {
        "schema": SCHEMA,
        "architecture": model.architecture.to_dict(),
        "key": model.architecture.key,
        "class_names": list(model.class_names),
        "image_size": {"train": model.train_size, "eval": model.eval_size},
        "normalisation": {"mean": [0.5] * 3, "std": [0.5] * 3},
        "padding": model.padding,
        "ema": _on_cpu(model.ema),
        "raw": _on_cpu(model.raw),
    }
    stream = io.BytesIO()
    torch.save(content, stream)
    write_atomic(path, stream.getvalue())


def read_model(path: str | Path) -> ModelFile:
    """Return what the file at `path` holds, on the CPU.

    Raises:
        ValueError: If it is damaged or no model file.
        OSError: If it cannot be read.
    """
    content = load_tensors(Path(path), torch.device("cpu"))
    if content.get("schema") != SCHEMA:
        raise ValueError(f"{path}: no model file of nas-train")
    return ModelFile(
        architecture=Architecture.from_dict(content["architecture"]),
        class_names=tuple(content["class_names"]),
        train_size=content["image_size"]["train"],
        eval_size=content["image_size"]["eval"],
        padding=content["padding"],
        ema=content["ema"],
        raw=content["raw"],
    )


def load_model(path: str | Path, weights: Weights = "ema") -> Network:
    """Return the network in the file at `path`, on the CPU and ready to predict.

    It takes images (batch, 3, size, size) in [-1, 1]: pixel / 127.5 - 1.

    Args:
        path: A ``model.pt``.
        weights: The averaged weights, or those of the last step.

    Raises:
        ValueError: If the file is damaged or no model file, or `weights` is unknown.
        OSError: If it cannot be read.
    """
    if weights not in ("ema", "raw"):
        raise ValueError(f"load_model.weights must be ema or raw, got {weights!r}")
    model = read_model(path)
    network = build_network(model.architecture, len(model.class_names), padding=model.padding)
    network.load_state_dict(model.ema if weights == "ema" else model.raw)
    return network.eval()


def _on_cpu(weights: dict[str, Any]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in weights.items()}
