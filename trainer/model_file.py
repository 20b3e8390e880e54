"""Model file of a trained network: its architecture, classes and weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from search_space.architecture import Architecture
from search_space.network import Network, build_network
from search_space.nn import Padding
from trainer.tensor_file import load_tensors, save_tensors

SCHEMA = "nas.model/1"
Weights = Literal["ema", "raw"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelFile:
    """Content of a ``model.pt``.

    Attributes:
        architecture: Architecture of the network.
        class_names: Class names by output.
        train_size: Side of the training images in the last phase, pixels.
        eval_size: Side of the evaluated images, pixels.
        padding: Padding of the convolutions.
        ema: State dict of the averaged weights; equal to `raw` if the recipe has no average.
        raw: State dict of the weights of the last step.
    """

    architecture: Architecture
    class_names: tuple[str, ...]
    train_size: int
    eval_size: int
    padding: Padding
    ema: dict[str, Tensor]
    raw: dict[str, Tensor]


def save_model(path: Path, model: ModelFile) -> None:
    """Write `model` to `path` atomically.

    Raises:
        OSError: If the file cannot be written.
    """
    content = {
        "architecture": model.architecture.to_dict(),
        "key": model.architecture.key,
        "class_names": list(model.class_names),
        "image_size": {"train": model.train_size, "eval": model.eval_size},
        "normalisation": {"mean": [0.5] * 3, "std": [0.5] * 3},
        "padding": model.padding,
        "ema": _on_cpu(model.ema),
        "raw": _on_cpu(model.raw),
    }
    save_tensors(path, content, schema=SCHEMA)


def read_model(path: str | Path) -> ModelFile:
    """Return the content of a model file, with its tensors on the CPU.

    Raises:
        ValueError: If the file is damaged or not a model file.
        OSError: If it cannot be read.
    """
    content = load_tensors(Path(path), torch.device("cpu"), schema=SCHEMA)
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
    """Return the network of a model file, on the CPU and in evaluation mode.

    It maps float32 images (batch, 3, size, size) in [-1, 1], pixel / 127.5 - 1, to float32 logits
    (batch, classes).

    Args:
        path: A ``model.pt``.
        weights: "ema" for the averaged weights, "raw" for those of the last step.

    Raises:
        ValueError: If the file is damaged or not a model file, or `weights` is unknown.
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
