"""Files of an export, written after all of them were computed."""

import io
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search_space.atomic_file import write_atomic


def write_files(out: Path, contents: Mapping[str, str | bytes]) -> tuple[Path, ...]:
    """Write files by their names into the folder `out`, each in one step, and return their paths.

    Raises:
        OSError: If the folder or a file cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    return tuple(write_atomic(out / name, content) for name, content in contents.items())


def torch_bytes(weights: Mapping[str, Tensor]) -> bytes:
    """Return the file that ``torch.load(path, weights_only=True)`` reads as `weights`."""
    buffer = io.BytesIO()
    torch.save({name: tensor.contiguous() for name, tensor in weights.items()}, buffer)
    return buffer.getvalue()


def safetensors_bytes(weights: Mapping[str, Tensor]) -> bytes:
    """Return the safetensors file of `weights`.

    Raises:
        ValueError: If safetensors is not installed.
    """
    safetensors = extra_module("safetensors.torch", extra="export")
    tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
    content: bytes = safetensors.save(tensors, metadata={"format": "pt"})
    return content


def extra_module(name: str, *, extra: str) -> Any:
    """Import a module of an optional library.

    Raises:
        ValueError: If it is not installed; names the extra that installs it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        library = name.partition(".")[0]
        raise ValueError(
            f"this export needs {library}, which is not installed; "
            f"install it with: pip install 'training-aware-nas[{extra}]'"
        ) from error
