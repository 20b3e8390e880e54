"""The architecture file: how an architecture and what is known of it travel between commands."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from search_space.architecture import Architecture
from search_space.atomic_file import write_atomic
from search_space.published import published, published_names

SCHEMA = "nas.architecture/1"
BEST = "best.json"
_KEYS = ("schema", "key", "name", "architecture", "image_size", "metrics", "provenance")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureFile:
    """An architecture with its name, image sizes, measurements and history.

    Attributes:
        architecture: The network.
        name: What people call it.
        train_size: Training image side, pixels.
        eval_size: Evaluation image side, pixels.
        metrics: What was measured, by name; numbers are finite, None stands for unknown.
        provenance: Where it comes from: command, versions, seed, source.

    Raises:
        ValueError: If a size is no positive whole number, or a number is NaN or infinite.
    """

    architecture: Architecture
    name: str
    train_size: int
    eval_size: int
    metrics: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ValueError(f"ArchitectureFile.name must be text, got {self.name!r}")
        for name in ("train_size", "eval_size"):
            size = getattr(self, name)
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise ValueError(
                    f"ArchitectureFile.{name} must be a whole number >= 1, got {size!r}"
                )
        for name in ("metrics", "provenance"):
            value = getattr(self, name)
            if not isinstance(value, Mapping):
                raise ValueError(f"ArchitectureFile.{name} must be a mapping, got {value!r}")
            for place, number in _numbers(name, value):
                if not math.isfinite(number):
                    raise ValueError(f"ArchitectureFile.{place} must be finite, got {number!r}")

    def to_dict(self) -> dict[str, Any]:
        """The file's content, ready for JSON."""
        return {
            "schema": SCHEMA,
            "key": self.architecture.key,
            "name": self.name,
            "architecture": self.architecture.to_dict(),
            "image_size": {"train": self.train_size, "eval": self.eval_size},
            "metrics": self.metrics,
            "provenance": self.provenance,
        }


def load_architecture(source: str | Path) -> ArchitectureFile:
    """Read an architecture file, the best.json of a run folder, or a published network.

    A published name wins over a file that happens to be called the same.

    Raises:
        OSError: If the file is there but cannot be read.
        ValueError: If there is no such thing, or it is damaged; the message names the file.
    """
    if str(source) in published_names():
        return _published_file(str(source))
    path = Path(source)
    if path.is_dir():
        path = path / BEST
        if not path.exists():
            raise ValueError(f"{source}: this folder holds no {BEST}, so no search ended here")
    elif not path.exists():
        known = ", ".join(published_names())
        raise ValueError(f"{source}: no such file, run folder or published name ({known})")
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_constant))
    except RecursionError:
        raise ValueError(f"{path}: no architecture file: it is nested too deeply") from None
    except ValueError as error:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise ValueError(f"{path}: no architecture file: {error}") from error


def save_architecture(path: str | Path, file: ArchitectureFile) -> None:
    """Write `file` to `path`: whole, or not at all.

    Raises:
        OSError: If `path` cannot be written.
    """
    text = json.dumps(file.to_dict(), indent=2, allow_nan=False)
    write_atomic(path, text + "\n")


def _published_file(name: str) -> ArchitectureFile:
    network = published(name)
    return ArchitectureFile(
        architecture=network.architecture,
        name=network.name,
        train_size=network.train_size,
        eval_size=network.eval_size,
        provenance={"published": network.name, "source": network.source},
    )


def _parse(data: object) -> ArchitectureFile:
    if not isinstance(data, dict):
        raise ValueError("the content must be a mapping")
    if data.get("schema") != SCHEMA:
        raise ValueError(f"schema must be {SCHEMA!r}, got {data.get('schema')!r}")
    if missing := [key for key in _KEYS if key not in data]:
        raise ValueError(f"it lacks {missing}")
    if unknown := sorted(set(data) - set(_KEYS)):
        raise ValueError(f"it has unknown keys {unknown}")
    sizes = data["image_size"]
    if not isinstance(sizes, dict) or set(sizes) != {"train", "eval"}:
        raise ValueError(f"image_size must hold train and eval, got {sizes!r}")
    architecture = Architecture.from_dict(data["architecture"])
    if architecture.key != data["key"]:
        raise ValueError(
            f"key must be {architecture.key!r}, the key of its architecture, got {data['key']!r}; "
            "the file was edited or damaged"
        )
    return ArchitectureFile(
        architecture=architecture,
        name=data["name"],
        train_size=sizes["train"],
        eval_size=sizes["eval"],
        metrics=data["metrics"],
        provenance=data["provenance"],
    )


def _numbers(place: str, value: object) -> Iterator[tuple[str, float]]:
    """Every float inside `value`, with its place."""
    if isinstance(value, float):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(f"{place}.{key}", inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _numbers(f"{place}[{number}]", inner)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"numbers must be finite, got {text}")
