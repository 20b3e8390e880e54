"""Files of tensors and plain values, read without the execution of code.

They are the zip archives of torch.save. A comment at the end of the archive holds a checksum of
everything before it; torch.load and zip tools accept the comment.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from search_space.atomic_file import write_atomic

_PICKLE = b"\x80"  # torch.save before version 1.6
_ZIP, _COMMENT = b"PK\x03\x04", b"sha256:"
_DIGEST = len(_COMMENT) + 2 * hashlib.sha256().digest_size


def save_tensors(path: Path, content: Mapping[str, Any], *, schema: str) -> None:
    """Write tensors, plain dicts and numbers with the name of their format, atomically.

    Raises:
        OSError: If the file cannot be written.
    """
    stream = io.BytesIO()
    torch.save({"schema": schema, **content}, stream)
    stream.seek(-2, io.SEEK_END)  # the length of the comment, the last field of a zip archive
    stream.write(_DIGEST.to_bytes(2, "little"))
    stream.write(_COMMENT + hashlib.sha256(stream.getbuffer()).hexdigest().encode())
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
    data = path.read_bytes()
    if reason := _damage(data):
        raise ValueError(f"{path}: {reason}")
    try:
        with torch.serialization.safe_globals(list(plain)):
            content = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # a damaged pickle raises almost anything
        raise ValueError(f"{path}: {_unreadable(path, data)}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: must hold a dict, got {type(content).__name__}")
    if schema is not None and content.get("schema") != schema:
        raise ValueError(f"{path}: must have the schema {schema}, got {content.get('schema')!r}")
    return content


def checked_weights(
    name: str, weights: object, expected: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return `weights` if it is a state_dict with the names and shapes of `expected`.

    Raises:
        ValueError: If it is not; the message says how many tensors differ, and names some.
    """
    if not isinstance(weights, dict):
        raise ValueError(f"{name} must be a state_dict, got {type(weights).__name__}")
    wrong = [key for key in expected if not _fits(weights.get(key), expected[key])]
    wrong += [str(key) for key in weights if key not in expected]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ValueError(
            f"{name} does not fit the architecture: {', '.join(wrong[:3])}{more} are missing, "
            "unknown or of another shape"
        )
    return weights


def _fits(tensor: object, expected: Tensor) -> bool:
    return (
        isinstance(tensor, Tensor)
        and tensor.shape == expected.shape
        and tensor.is_floating_point() == expected.is_floating_point()
    )


def _unreadable(path: Path, data: bytes) -> str:
    """Return what a file is that torch.load does not read as plain tensors."""
    if path.suffix == ".safetensors":
        return (
            "a safetensors file; convert it with torch.save(safetensors.torch.load_file(...), ...)"
        )
    if not data.startswith((_ZIP, _PICKLE)):
        return "damaged, or no file of torch.save"
    return (
        "damaged, or it holds Python objects besides tensors; of a whole model, save the "
        "state_dict"
    )


def _damage(data: bytes) -> str | None:
    """Return what is wrong with the bytes of a file, or None.

    torch.load does not compare the checksums that it stores: a flipped bit in a tensor becomes
    another weight.
    """
    if not data:
        return "the file is empty"
    if not data.startswith(_ZIP):
        return None  # torch.save wrote no zip archives before version 1.6
    if data[-_DIGEST:].startswith(_COMMENT):
        digest = hashlib.sha256(memoryview(data)[:-_DIGEST]).hexdigest().encode()
        if data[-_DIGEST + len(_COMMENT) :] != digest:
            return "damaged: its checksum is another one"
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            record = archive.testzip()
    except Exception:  # noqa: BLE001 (zipfile raises almost anything)
        return "damaged: its archive cannot be read; it may have been cut short"
    return None if record is None else f"damaged: the checksum of {record} is another one"
