"""The architecture file: an architecture with its metrics and provenance, as commands pass it."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from search_space.architecture import MAX_IMAGE_SIDE, Architecture
from search_space.atomic_file import write_atomic
from search_space.checks import did_you_mean, require, require_int, require_keys, shown
from search_space.leftovers import remove_drafts
from search_space.published import published, published_names
from search_space.text_files import parse_json, parse_yaml, read_text

SCHEMA = "nas.architecture/1"
BEST = "best.json"
CONFIG = "config.yaml"  # of a search or a training; that of a training has the network
_KEYS = ("schema", "key", "name", "architecture", "image_size", "metrics", "provenance")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureFile:
    """An architecture with its name, image sizes, metrics and provenance.

    Attributes:
        architecture: The network.
        name: Name for display.
        train_size: Training image side, pixels, from 1 to 10000.
        eval_size: Evaluation image side, pixels, from 1 to 10000.
        metrics: Measured values by name; numbers are finite, None means unknown.
        provenance: Origin of the architecture: command, versions, seed, source.

    Raises:
        ValueError: If a size is no whole number in its range, or a number is NaN or infinite.
    """

    architecture: Architecture
    name: str
    train_size: int
    eval_size: int
    metrics: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(isinstance(self.name, str), "ArchitectureFile.name", "text", self.name)
        require_int("ArchitectureFile.train_size", self.train_size, 1, MAX_IMAGE_SIDE)
        require_int("ArchitectureFile.eval_size", self.eval_size, 1, MAX_IMAGE_SIDE)
        for name in ("metrics", "provenance"):
            value = getattr(self, name)
            require(isinstance(value, Mapping), f"ArchitectureFile.{name}", "a mapping", value)
            for place, number in _numbers(name, value):
                require(math.isfinite(number), f"ArchitectureFile.{place}", "finite", number)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON-ready content of the file."""
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
    """Read an architecture file, the network of a run folder, or a published network.

    The network of a search is its best.json, that of a training is in its config.yaml.
    A published name takes precedence over a file with the same name.

    Raises:
        OSError: If the file exists but cannot be read.
        ValueError: If `source` does not exist or is damaged; the message names the file.
    """
    if str(source) in published_names():
        network = published(str(source))
        return ArchitectureFile(
            architecture=network.architecture,
            name=network.name,
            train_size=network.train_size,
            eval_size=network.eval_size,
            provenance={"published": network.name, "source": network.source},
        )
    path = Path(source)
    if path.is_dir():
        if not (path / BEST).exists() and (trained := _of_training(path / CONFIG)) is not None:
            return trained
        path = path / BEST
        if not path.exists():
            raise ValueError(
                f"{source}: this folder holds no {BEST}: no search has named a winner here"
            )
    elif not path.exists():
        known, nearest = ", ".join(published_names()), did_you_mean(source, published_names())
        raise ValueError(
            f"{source}: no such file, run folder or published name ({known}){nearest}"
        )
    if path.is_file() and _is_zip(path):
        raise ValueError(
            f"{path}: a file of weights and no architecture file; give the architecture file that "
            "the network was trained from, such as a best.json"
        )
    try:
        return _parse(parse_json(read_text(path)))
    except ValueError as error:
        raise ValueError(f"{path}: no architecture file: {error}") from error


def save_architecture(path: str | Path, file: ArchitectureFile) -> None:
    """Write `file` to `path` in one step: completely or not at all.

    Raises:
        OSError: If `path` cannot be written.
    """
    remove_drafts(Path(path).parent, Path(path).name)
    write_atomic(path, json.dumps(file.to_dict(), indent=2, allow_nan=False) + "\n")


def _of_training(config: Path) -> ArchitectureFile | None:
    """Return the network in the settings of a training; None if `config` is of something else.

    Raises:
        ValueError: If the file is damaged; the message names it.
    """
    if not config.is_file():
        return None
    try:
        settings = parse_yaml(read_text(config))
        if not isinstance(settings, dict) or "architecture" not in settings:
            return None
        return _parse(settings["architecture"])
    except ValueError as error:
        raise ValueError(f"{config}: no settings of a training: {error}") from error


def _is_zip(path: Path) -> bool:
    """Return whether a file is a zip archive, as files of weights are."""
    with path.open("rb") as file:
        return file.read(4) == b"PK\x03\x04"


def _parse(data: object) -> ArchitectureFile:
    if not isinstance(data, dict):
        raise ValueError("the content must be a mapping")
    schema, sizes = data.get("schema"), data.get("image_size")
    require(schema == SCHEMA, "schema", repr(SCHEMA), schema)
    require_keys("the file", data, _KEYS)
    if not isinstance(sizes, dict) or set(sizes) != {"train", "eval"}:
        raise ValueError(f"image_size must hold train and eval, got {shown(sizes)}")
    architecture = Architecture.from_dict(data["architecture"])
    rule = f"{architecture.key!r}, the key of its architecture (was the file edited or damaged?)"
    require(architecture.key == data["key"], "key", rule, data["key"])
    return ArchitectureFile(
        architecture=architecture,
        name=data["name"],
        train_size=sizes["train"],
        eval_size=sizes["eval"],
        metrics=data["metrics"],
        provenance=data["provenance"],
    )


def _numbers(place: str, value: object) -> Iterator[tuple[str, float]]:
    """Yield every float inside `value` with its place."""
    if isinstance(value, float):
        yield place, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers(f"{place}.{key}", inner)
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            yield from _numbers(f"{place}[{number}]", inner)
