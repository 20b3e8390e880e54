"""Where candidates rest between two rungs: files that are a cache and no more."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nas.fidelity.successive_halving import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class RungCheckpoints:
    """The folder of a run's ``N-rR.pt``. A value: it travels to the workers.

    Whoever misses a file trains the rungs before it again and gets, on a CPU, the same bits;
    so workers that do not share the folder cost time and lose nothing.

    Attributes:
        folder: The folder, absolute.
    """

    folder: Path

    def path(self, number: int, rung: int) -> Path:
        """Return the file of a candidate at the end of a rung."""
        return self.folder / f"{number}-r{rung}.pt"

    def tidy(self, in_use: Iterable[Place]) -> None:
        """Remove every file but those of the places in use."""
        kept = {self.path(number, rung).name for number, rung in in_use}
        for path in self.folder.glob("[0-9]*.pt"):
            if path.name not in kept:
                path.unlink(missing_ok=True)

    def remove_drafts(self) -> None:
        """Remove what killed workers left half written."""
        for path in self.folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)
