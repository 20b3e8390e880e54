"""Content of tensor files, and its loading without the execution of code."""

import io
import pickle
from pathlib import Path
from typing import Any

import torch

# Exceptions of torch.load for a file that is truncated, overwritten or of another kind.
DAMAGE = (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, AttributeError)


def tensor_bytes(content: dict[str, Any]) -> bytes:
    """Return the bytes of a file of torch.save with `content`: tensors and plain values."""
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def load_tensors(
    path: Path, device: torch.device, *, plain: tuple[type, ...] = ()
) -> dict[str, Any]:
    """Return the dict of tensors and plain values in a file of torch.save.

    Args:
        path: The file.
        device: Device of the returned tensors.
        plain: Further types of plain values.

    Raises:
        ValueError: If the file is damaged, or holds other types.
        OSError: If it cannot be read.
    """
    try:
        with path.open("rb") as file, torch.serialization.safe_globals(list(plain)):
            content = torch.load(file, map_location=device, weights_only=True)
    except DAMAGE as error:
        raise ValueError(f"{path}: damaged, or no file of plain tensors") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must hold a dict, got {type(content).__name__}")
    return content
