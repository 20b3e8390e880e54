"""Result files: one per outcome, written by the worker itself.

A driver that is started again finds the outcomes that were written after the first one died.
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nas.candidate import Candidate, Outcome
from search_space.atomic_file import write_atomic

SCHEMA = "nas.result/1"
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
            data = json.loads(path.read_bytes())
            ours = (data["schema"], data["run_id"], data["key"])
            if ours != (SCHEMA, self.run_id, candidate.key):
                return None
            return Outcome.from_dict(data["outcome"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is damaged; remove it to resume the search ({error})"
            ) from error

    def save(self, candidate: Candidate, outcome: Outcome) -> None:
        """Write the candidate's file, whole or not at all.

        Raises:
            OSError: If it cannot be written.
        """
        head = {"schema": SCHEMA, "run_id": self.run_id}
        content = {**head, **candidate.to_dict(), "outcome": outcome.to_dict()}
        write_atomic(self.path(candidate), json.dumps(content, allow_nan=False) + "\n")

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
