"""Files of an export, written after all of them were computed."""

import io
import json
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


def torch_bytes(weights: Mapping[str, Tensor], *, fast: bool = False) -> bytes:
    """Return the file that ``torch.load(path, weights_only=True)`` reads as `weights`.

    With `fast` the weights of convolutions have the memory format channels_last, as our networks.
    """
    formats = (torch.contiguous_format, torch.channels_last)
    saved = {
        name: tensor.contiguous(memory_format=formats[fast and tensor.ndim == 4])
        for name, tensor in weights.items()
    }
    buffer = io.BytesIO()
    torch.save(saved, buffer)
    return buffer.getvalue()


def safetensors_bytes(
    weights: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> bytes:
    """Return the safetensors file of `weights`, with further `metadata`.

    The same arguments give the same bytes.

    Raises:
        ValueError: If safetensors is not installed.
    """
    safetensors = extra_module("safetensors.torch", extra="export")
    tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
    # "format" is what other libraries look for; metadata of safetensors are texts.
    content: bytes = safetensors.save(tensors, metadata={"format": "pt", **(metadata or {})})
    return _with_sorted_header(content)


def _with_sorted_header(content: bytes) -> bytes:
    """Sort the metadata of a safetensors file, which the library writes in random order.

    Source: the format in the README of github.com/huggingface/safetensors: the length of the
        header in 8 bytes, the header as JSON with spaces at its end, and the tensors.
    """
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the tensors start at a multiple of 8 bytes
    return len(text).to_bytes(8, "little") + text + content[end:]


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
