"""Files of tensors and plain values, read without the execution of code."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from search_space.atomic_file import write_atomic

# Exceptions of torch.load for a file that is truncated, overwritten or of another kind.
DAMAGE = (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, AttributeError)


def save_tensors(path: Path, content: Mapping[str, Any], *, schema: str) -> None:
    """Write tensors, plain dicts and numbers with the name of their format, atomically.

    Raises:
        OSError: If the file cannot be written.
    """
    stream = io.BytesIO()
    torch.save({"schema": schema, **content}, stream)
    write_atomic(path, stream.getvalue())


def load_tensors(
    path: Path, device: torch.device, *, schema: str | None = None, plain: tuple[type, ...] = ()
) -> dict[str, Any]:
    """Return the dict of tensors and plain values in a file of `save_tensors` or torch.save.

    Args:
        path: The file.
        device: Device of the returned tensors.
        schema: Name of the format; None reads a file of any format.
        plain: Further types of plain values.

    Raises:
        ValueError: If the file is damaged, holds other types, or is of another format.
        OSError: If it cannot be read.
    """
    try:
        with path.open("rb") as file, torch.serialization.safe_globals(list(plain)):
            content = torch.load(file, map_location=device, weights_only=True)
    except DAMAGE as error:
        raise ValueError(f"{path}: damaged, or no file of plain tensors") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must hold a dict, got {type(content).__name__}")
    if schema is not None and content.get("schema") != schema:
        raise ValueError(f"{path}: must have the schema {schema}, got {content.get('schema')!r}")
    return content
