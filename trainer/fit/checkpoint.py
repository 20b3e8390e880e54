"""Checkpoint files of a training: written atomically; the newest few and the best are kept."""

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from search_space.atomic_file import write_atomic
from search_space.checks import require_int
from trainer.tensor_file import load_tensors, save_tensors

SCHEMA = "nas.checkpoint/1"
NEWEST = "checkpoint.pt"


class CheckpointFolder:
    """The checkpoints of one run.

    ``checkpoint.pt`` is the newest; ``checkpoints/`` holds the newest few by step, and
    ``best.pt``. The names are hard links to one file where the file system supports them.

    Args:
        folder: Folder of the run; it must exist when a checkpoint is saved.
        keep: Number of newest checkpoints to keep, >= 1.
    """

    def __init__(self, folder: Path, *, keep: int = 3) -> None:
        self._folder, self._keep = folder, keep
        self._steps = folder / "checkpoints"

    def save(self, content: dict[str, Any], *, step: int, best: bool = False) -> None:
        """Write `content`, tensors, plain dicts and numbers, after `step` finished steps.

        The previous checkpoint stays until the new one is complete. With `best` the new one is
        kept as the best one too.

        Raises:
            OSError: If it cannot be written, for example on a full disk.
        """
        path = self._steps / f"step-{step:09d}.pt"
        try:
            self._steps.mkdir(exist_ok=True)
            save_tensors(path, {"step": step, **content}, schema=SCHEMA)
            for name in (self._folder / NEWEST, *([self._steps / "best.pt"] if best else [])):
                _link(path, name)
        except OSError as error:
            before = self._folder / NEWEST
            stays = f"{before} stays as it was" if before.exists() else "there is none yet"
            raise OSError(
                f"cannot save the checkpoint of step {step} in {self._folder}: "
                f"{error.strerror or error}; {stays}"
            ) from error
        drafts = self._steps.glob(".*.tmp")  # of a process that was killed while writing
        for old in (*self._numbered()[: -self._keep], *drafts):
            old.unlink(missing_ok=True)

    def load(
        self, device: torch.device, use: Callable[[dict[str, Any]], None] | None = None
    ) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """Return the newest readable checkpoint or None, and a note on each damaged one.

        Args:
            device: Device of the tensors.
            use: Called with the state in a checkpoint; if it raises ValueError, because the state
                does not fit, the checkpoint counts as damaged and the next older one is tried.

        Raises:
            ValueError: If there are checkpoints, and all are damaged.
            OSError: If a file cannot be read.
        """
        notes: list[str] = []
        for path in (self._folder / NEWEST, *reversed(self._numbered())):
            try:
                content = load_tensors(path, device, schema=SCHEMA)
                check_content(content, path)
                if use is not None:
                    _use(use, content["state"], path)
            except FileNotFoundError:
                continue
            except ValueError as error:
                notes.append(str(error))
            else:
                return content, tuple(notes)
        if notes:
            raise ValueError(
                f"{self._folder}: no checkpoint can be read ({'; '.join(notes)}); choose another "
                "--name, or delete the folder to train again"
            )
        return None, ()

    def _numbered(self) -> list[Path]:
        return sorted(self._steps.glob("step-*.pt"))


def _use(use: Callable[[dict[str, Any]], None], state: dict[str, Any], path: Path) -> None:
    try:
        use(state)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def check_content(content: Mapping[str, Any], path: Path) -> None:
    """Check the keys and types of a checkpoint that was read from `path`.

    Raises:
        ValueError: If one is missing or wrong; the message names file and key.
    """
    place = f"{path}: damaged checkpoint"
    require_int(f"{place}: step", content.get("step"), 0)
    require_int(f"{place}: workers", content.get("workers", 1), 1)
    state = _dict_in(content, "state", place)
    _dict_in(content, "identity", place)
    for name in ("network", "optimizer", "counters"):
        _dict_in(state, name, f"{place}: state")
    if state.get("average") is not None:
        _dict_in(state, "average", f"{place}: state")
    _check_list(content.get("accumulation"), int, f"{place}: accumulation")
    _check_list(content.get("class_names", []), str, f"{place}: class_names")


def _dict_in(content: Mapping[str, Any], name: str, place: str) -> dict[str, Any]:
    value = content.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"{place}: {name} must be a dict, got {type(value).__name__}")
    return value


def _check_list(value: object, kind: type, place: str) -> None:
    if not isinstance(value, list) or not all(isinstance(entry, kind) for entry in value):
        raise ValueError(f"{place} must be a list of {kind.__name__}, got {type(value).__name__}")


def _link(path: Path, name: Path) -> None:
    """Make `name` a hard link to `path` atomically, or a copy where links are not supported."""
    draft = name.with_name(f".{name.name}.{os.getpid()}.tmp")
    try:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        draft.hardlink_to(path)
        draft.replace(name)
    except OSError:
        write_atomic(name, path.read_bytes())
