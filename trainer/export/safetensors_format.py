"""Export to safetensors: the weights under our names, and the whole model in the metadata."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from trainer.export.facts import SCHEMA, as_text, facts
from trainer.export.files import extra_module, safetensors_bytes, write_files
from trainer.model_file import ModelFile, parse_model

FILE = "model.safetensors"


def write(model: ModelFile, out: Path) -> tuple[Path, ...]:
    """Write ``model.safetensors`` into the folder `out`.

    Its tensors are those of ``Network.state_dict``. Its metadata, which are texts, hold `facts`
    and what else the network is built from; ``read`` inverts it.

    Args:
        model: The model; its averaged weights are exported.
        out: The folder; it is made if it is missing.

    Raises:
        ValueError: If safetensors is not installed.
        OSError: If the file cannot be written.
    """
    shift = model.input_shift
    values = facts(model) | {
        "train_size": model.train_size,
        "padding": model.padding,
        "bn_eps": model.bn_eps,
        "input_shift": None if shift is None else list(shift),
    }
    return write_files(out, {FILE: safetensors_bytes(model.ema, as_text(values))})


def read(path: str | Path) -> ModelFile:
    """Return the model in a file of `write`; its averaged and its raw weights are the same.

    Raises:
        ValueError: If the file is damaged or not of nas-export, or safetensors is not installed.
        OSError: If it cannot be read.
    """
    path = Path(path)
    library = extra_module("safetensors", extra="export")
    with path.open("rb"):  # an error that names the file
        pass
    try:
        with library.safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except library.SafetensorError as error:
        raise ValueError(f"{path}: damaged, or no safetensors file: {error}") from error
    if metadata.get("schema") != SCHEMA:
        raise ValueError(f"{path}: not a file of nas-export: its metadata lack {SCHEMA}")
    return parse_model({**_content(metadata, path), "ema": weights, "raw": weights}, path)


def _content(metadata: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Return the content of a model file, without its weights."""
    texts = ("schema", "key", "padding", "format")
    try:
        values = {
            name: text if name in texts else json.loads(text) for name, text in metadata.items()
        }
    except ValueError as error:
        raise ValueError(f"{path}: damaged metadata: {error}") from error
    sizes = {"train": values.pop("train_size", None), "eval": values.pop("image_size", None)}
    return {**values, "image_size": sizes}
