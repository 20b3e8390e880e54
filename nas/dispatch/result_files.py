"""Result files: one per outcome, written by the worker itself.

A driver that is started again finds the outcomes that were written after the first one died.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas.candidate import Candidate, Outcome
from nas.engine.events import now
from search_space.atomic_file import write_atomic
from search_space.checksum import parse_sealed, sealed

SCHEMA = "nas.result/1"
MAX_BYTES = 10 * 2**20
_KEYS = {"schema", "run_id", "number", "key", "choices", "outcome", "seed", "epochs", "time"}
Evaluate = Callable[[Candidate], Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFiles:
    """The folder of a run's result files ``N.json``. A value: it is pickled to the workers.

    Attributes:
        folder: The folder, absolute. A worker without access to it only returns its outcome.
        run_id: The ledger's; files of another run in the folder are ignored.
    """

    folder: Path
    run_id: str

    def load_or_evaluate(self, candidate: Candidate, evaluate: Evaluate) -> Outcome:
        """Return the outcome on file, or evaluate the candidate and write its file.

        When a driver dies, its workers finish their jobs while the resumed driver hands the same
        jobs out again. The worker that holds the candidate's lock evaluates it; the next holder
        of the lock finds the file.

        Raises:
            OSError: If the file cannot be written.
            ValueError: If there is a damaged file; the message names it.
        """
        if not self.folder.is_dir():
            return evaluate(candidate)
        with self._lock(candidate):
            outcome = self.find(candidate)
            if outcome is None:
                outcome = evaluate(candidate)
                self.save(candidate, outcome)
            return outcome

    def find(self, candidate: Candidate) -> Outcome | None:
        """Return the outcome on file, or None if this run has none for this candidate.

        Raises:
            ValueError: If the file is damaged; the message names it.
        """
        path = self.path(candidate)
        try:
            data = _content(path)
            ours = (data["schema"], data["run_id"], data["key"])
            if ours != (SCHEMA, self.run_id, candidate.key):
                return None
            return Outcome.from_dict(data["outcome"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is damaged: {error}; the search command moves it aside and trains "
                f"again what is needed of it"
            ) from error

    def time_of(self, candidate: Candidate) -> float | None:
        """Return when the candidate's file was written, seconds since the epoch.

        None if there is no such file of this run, or if an earlier version wrote it.

        Raises:
            ValueError: If the file is damaged.
            OSError: If it cannot be read.
        """
        try:
            data = _content(self.path(candidate))
        except FileNotFoundError:
            return None
        written = data.get("time")
        if data.get("run_id") != self.run_id or not isinstance(written, int | float):
            return None
        return float(written)

    def set_aside_damaged(self) -> tuple[Path, ...]:
        """Rename every damaged file to ``NAME.json.damaged``, and return the old paths.

        What is not in the ledger of these files' candidates is then trained again.

        Raises:
            OSError: If the folder cannot be written.
        """
        damaged = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                Outcome.from_dict(_content(path)["outcome"])
            except (ValueError, KeyError, TypeError, AttributeError):
                path.replace(path.with_name(f"{path.name}.damaged"))
                damaged.append(path)
        return tuple(damaged)

    def save(self, candidate: Candidate, outcome: Outcome) -> None:
        """Write the candidate's file, whole or not at all.

        Raises:
            OSError: If it cannot be written.
        """
        head = {"schema": SCHEMA, "run_id": self.run_id}
        content = {
            **head,
            **candidate.to_dict(),
            "outcome": outcome.to_dict(),
            "time": now(),  # files that are copied lose the time of their file system
        }
        write_atomic(self.path(candidate), sealed(json.dumps(content, allow_nan=False)) + "\n")

    def save_traceback(self, candidate: Candidate, outcome: Outcome) -> None:
        """Write ``N.error.txt`` with the traceback, if the outcome has one."""
        if outcome.traceback:
            text = f"candidate {candidate.number}: {outcome.reason}\n\n{outcome.traceback}"
            write_atomic(self.path(candidate).with_suffix(".error.txt"), text)

    def release_lock(self, candidate: Candidate) -> None:
        """Remove the candidate's lock file; a worker that waits for the lock finds the result."""
        self.path(candidate).with_suffix(".lock").unlink(missing_ok=True)

    def path(self, candidate: Candidate) -> Path:
        """Return the candidate's file."""
        return self.folder / f"{candidate.file_stem}.json"

    @contextmanager
    def _lock(self, candidate: Candidate) -> Iterator[None]:
        """Hold the candidate's lock, which the kernel drops when its holder dies."""
        lock = os.open(self.path(candidate).with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _content(path: Path) -> dict[str, Any]:
    """Return the content of a result file, whose checksum is right; old files have none.

    Raises:
        ValueError: If it is damaged.
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        data = parse_sealed(file.read(MAX_BYTES))
    if not isinstance(data, dict) or not data.keys() <= _KEYS:
        raise ValueError("it is no result file")
    return data


def damage_notes(damaged: Sequence[Path]) -> list[str]:
    """Return one sentence for each file that was set aside."""
    return [
        f"note: {path} is damaged and was renamed to {path.name}.damaged; what the ledger does "
        f"not have of it is trained again"
        for path in damaged
    ]
