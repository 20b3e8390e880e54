"""Model file of a trained network: its architecture, classes and weights."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from search_space.architecture import Architecture
from search_space.checks import require, require_int
from search_space.network import BN_EPS, Network, build_network
from search_space.nn import Padding
from trainer.preprocessing import Preprocessing
from trainer.tensor_file import checked_weights, load_tensors, save_tensors

SCHEMA = "nas.model/1"
MODEL = "model.pt"
Weights = Literal["ema", "raw"]
# (value - mean) / std of values in [0, 1]: images in [-1, 1].
_NORMALISATION = {"mean": [0.5] * 3, "std": [0.5] * 3}


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
        bn_eps: Added to the variance in batch normalisation, > 0.
        input_shift: What the network subtracts from red, green and blue of images in [-1, 1];
            None for nothing.
        preprocessing: How a picture becomes the network's input.
        multi_label: Whether the training images could have several classes.
        training: Facts of the training, JSON-ready, for people and for model cards: the content
            of its summary.json, and "provenance" of the architecture; empty in older files.
    """

    architecture: Architecture
    class_names: tuple[str, ...]
    train_size: int
    eval_size: int
    padding: Padding
    ema: dict[str, Tensor]
    raw: dict[str, Tensor]
    bn_eps: float = BN_EPS
    input_shift: tuple[float, float, float] | None = None
    preprocessing: Preprocessing
    multi_label: bool = False
    training: dict[str, Any] = field(default_factory=dict)

    def network(self, weights: Weights = "ema") -> Network:
        """Return the network, on the CPU and in evaluation mode; see `load_model`.

        Raises:
            ValueError: If `weights` is unknown.
        """
        if weights not in get_args(Weights):
            raise ValueError(f"load_model.weights must be ema or raw, got {weights!r}")
        network = build_network(
            self.architecture, len(self.class_names), padding=self.padding, bn_eps=self.bn_eps
        )
        network.set_input_shift(self.input_shift)
        network.load_state_dict(self.ema if weights == "ema" else self.raw)
        return network.eval()


def model_path(place: str | Path) -> Path:
    """Return the model file that a path names: the file itself, or that of a run folder.

    Raises:
        ValueError: If there is none; the message says what to do.
    """
    path = Path(place).expanduser()
    if path.is_dir():
        if (path / MODEL).is_file():
            return path / MODEL
        if (path / "checkpoint.pt").exists():
            hint = "; its training has not ended: repeat its nas-train command with --resume"
        elif (path / "best.json").exists():
            winner = shlex.quote(str(path / "best.json"))
            hint = f"; it is of a search: train its winner with nas-train --arch {winner}"
        else:
            hint = ""
        raise ValueError(f"{path}: this folder holds no {MODEL}{hint}")
    if not path.exists():
        raise ValueError(f"{path}: no such model file or folder of a training")
    return path


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
        "normalisation": _NORMALISATION,
        "padding": model.padding,
        "bn_eps": model.bn_eps,
        "input_shift": None if model.input_shift is None else list(model.input_shift),
        "preprocessing": model.preprocessing.to_dict(),
        "multi_label": model.multi_label,
        "training": model.training,
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
    return parse_model(load_tensors(Path(path), torch.device("cpu"), schema=SCHEMA), path)


def parse_model(content: Mapping[str, Any], path: str | Path) -> ModelFile:
    """Return the model file whose content was read from `path`.

    Raises:
        ValueError: If a value is missing or wrong, or the weights are not those of the
            architecture; the message names the file.
    """
    try:
        return _parse(content)
    except ValueError as error:
        raise ValueError(f"{path}: damaged model file: {error}") from error


def _parse(content: Mapping[str, Any]) -> ModelFile:
    wanted = {"architecture", "class_names", "image_size", "padding", "ema", "raw"}
    if missing := sorted(wanted - set(content)):
        raise ValueError(f"it lacks {', '.join(missing)}")
    architecture = Architecture.from_dict(content["architecture"])
    key = content.get("key", architecture.key)
    require(key == architecture.key, "key", f"that of its architecture, {architecture.key}", key)
    names, sizes, padding = content["class_names"], content["image_size"], content["padding"]
    is_names = isinstance(names, list) and all(isinstance(name, str) for name in names)
    require(is_names and len(names) > 0, "class_names", "a list of names", names)
    if not isinstance(sizes, dict):
        raise ValueError(f"image_size must hold train and eval, got {sizes!r}")
    require(padding in get_args(Padding), "padding", " or ".join(get_args(Padding)), padding)
    scale = content.get("normalisation", _NORMALISATION)
    require(scale == _NORMALISATION, "normalisation", repr(_NORMALISATION), scale)
    bn_eps = content.get("bn_eps", BN_EPS)
    require(isinstance(bn_eps, float) and 0 < bn_eps < 1, "bn_eps", "a number in (0, 1)", bn_eps)
    training = content.get("training", {})
    require(isinstance(training, dict), "training", "a mapping", training)
    with torch.device("meta"):
        expected = build_network(architecture, len(names)).state_dict()
    return ModelFile(
        architecture=architecture,
        class_names=tuple(names),
        train_size=require_int("image_size.train", sizes.get("train"), 1),
        eval_size=require_int("image_size.eval", sizes.get("eval"), 1),
        padding=padding,
        ema=checked_weights("ema", content["ema"], expected),
        raw=checked_weights("raw", content["raw"], expected),
        bn_eps=bn_eps,
        input_shift=shift_values(content.get("input_shift")),
        preprocessing=_preprocessing(content, sizes),
        multi_label=content.get("multi_label") is True,
        training=training,
    )


def _preprocessing(content: Mapping[str, Any], sizes: Mapping[str, int]) -> Preprocessing:
    """Return the stored preprocessing; files of earlier versions have none, and get the usual."""
    if (stored := content.get("preprocessing")) is not None:
        return Preprocessing.from_dict(stored)
    return Preprocessing(decoded_size=max(sizes["train"], sizes["eval"]), decoding=1)


def shift_values(value: object) -> tuple[float, float, float] | None:
    """Return a stored input shift.

    Raises:
        ValueError: If it is neither None nor a list of three numbers.
    """
    if value is None:
        return None
    if isinstance(value, list) and len(value) == 3:
        red, green, blue = value
        if all(isinstance(number, float) and -1 <= number <= 1 for number in value):
            return red, green, blue
    raise ValueError(f"input_shift must be three numbers in [-1, 1], got {value!r}")


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
    return read_model(path).network(weights)


def _on_cpu(weights: dict[str, Any]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in weights.items()}
