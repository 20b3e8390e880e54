"""Checkpoints of candidates between two rungs. They are a cache."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from nas.engine.successive_halving import RungId

CHECKPOINTS = "checkpoints"  # folder in a run's folder


@dataclass(frozen=True, slots=True, kw_only=True)
class RungCheckpoints:
    """The folder of a run's checkpoints ``N-rR.pt``. A value: it is pickled to the workers.

    A worker that misses a file trains the rungs before it again and gets, on a CPU, the same
    bits; so workers without access to the folder cost time and lose nothing.

    Attributes:
        folder: The folder, absolute.
    """

    folder: Path

    @classmethod
    def of_run(cls, folder: Path) -> Self:
        """Return the checkpoints of the run in `folder`."""
        return cls(folder=(folder / CHECKPOINTS).resolve())

    def prepare(self) -> None:
        """Make the folder, and remove the drafts that killed workers left.

        Raises:
            OSError: If the folder cannot be made.
        """
        self.folder.mkdir(exist_ok=True)
        for path in self.folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)

    def path(self, number: int, rung: int) -> Path:
        """Return the file of a candidate's state after a rung."""
        return self.folder / f"{number}-r{rung}.pt"

    def tidy(self, in_use: Iterable[RungId]) -> None:
        """Remove every file except those of the candidates and rungs in use."""
        kept = {self.path(number, rung).name for number, rung in in_use}
        for path in self.folder.glob("[0-9]*.pt"):
            if path.name not in kept:
                path.unlink(missing_ok=True)
