"""Checkpoint files of a training: written atomically; the newest few and the best are kept."""

import contextlib
import os
from pathlib import Path
from typing import Any

import torch

from search_space.atomic_file import write_atomic
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

    def load(self, device: torch.device) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
        """Return the newest readable checkpoint or None, and a note on each damaged one.

        Raises:
            OSError: If a file cannot be read.
        """
        notes: list[str] = []
        for path in (self._folder / NEWEST, *reversed(self._numbered())):
            try:
                return load_tensors(path, device, schema=SCHEMA), tuple(notes)
            except FileNotFoundError:
                continue
            except ValueError as error:
                notes.append(str(error))
        return None, tuple(notes)

    def _numbered(self) -> list[Path]:
        return sorted(self._steps.glob("step-*.pt"))


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
