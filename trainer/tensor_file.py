"""Reads files of plain tensors, and never code."""

import pickle
from pathlib import Path
from typing import Any

import torch

# What torch.load is known to raise on a file that is cut short, overwritten or of another kind.
DAMAGE = (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, AttributeError)


def load_tensors(
    path: Path, device: torch.device, *, plain: tuple[type, ...] = ()
) -> dict[str, Any]:
    """Return the dict in a file of torch.save, of tensors and plain values alone.

    Args:
        path: The file.
        device: Where the tensors go.
        plain: Further types that are plain values.

    Raises:
        ValueError: If it is damaged, or holds anything else, code included.
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
