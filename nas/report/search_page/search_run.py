"""What the page of a search is made from, and how far the search is."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.candidate import Record
from nas.engine.events import Event
from nas.engine.job import Training
from nas.engine.ledger import LEDGER, read_ledger
from nas.engine.ledger_lock import is_open_for_writing
from nas.engine.search_state import Counts, SearchState
from nas.finalists.finalist_round import FinalistRound
from nas.finalists.finalists import Finals, winner
from nas.run_folder.files import RunFiles
from search_space.space import SearchSpace
from trainer.environment import ENVIRONMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedTraining:
    """A further training of a finalist that has a result.

    Attributes:
        training: The training.
        worker: The process that did it, such as "node/pid".
        seconds: Wall seconds in that process.
        time: When its result was written, seconds since the epoch; None if that is not known.
        wait_s: Part of `seconds` in which other processes held the device.
    """

    training: Training
    worker: str
    seconds: float
    time: float | None
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRun:
    """A search as its page shows it.

    Attributes:
        files: The run's folder, settings and search space.
        records: The candidates that have an outcome.
        finals: The finalists' results; None if there are none yet.
        events: Events of the ledger, oldest first; empty if it was not read.
        environment: Content of ``environment.json``; empty if it cannot be read.
        is_running: Whether a process searches at the moment.
        num_trainings: Further trainings of finalists that the present candidates lead to.
        trainings: Those that have a result.
    """

    files: RunFiles
    records: tuple[Record, ...]
    finals: Finals | None = None
    events: tuple[Event, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    is_running: bool = False
    num_trainings: int = 0
    trainings: tuple[FinishedTraining, ...] = ()

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.files.folder.name

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        return self.files.space

    @property
    def counts(self) -> Counts:
        """How many candidates there are of each kind."""
        return SearchState(self.events).counts

    @property
    def num_finished(self) -> int:
        """Candidates that were tried and have an outcome."""
        return sum(record.outcome.is_charged for record in self.records)

    @property
    def is_decided(self) -> bool:
        """Whether the winner is final: the search ended, with its finals if it has any."""
        has_finals = self.finals is not None or self.files.config.num_finalists == 0
        return has_finals and not self.is_running

    @property
    def title_of_first(self) -> str:
        """What the best candidate is called: the winner, or the leader until now."""
        return "winner" if self.is_decided else "leader so far"

    @property
    def winner(self) -> Record | None:
        """The winner with its metrics: means of its further trainings if there are any."""
        return winner(self.records, self.finals)

    @property
    def winner_in_search(self) -> Record | None:
        """The winner with the metrics of the search's own short training."""
        best = self.winner
        number = best.candidate.number if best else None
        return next((r for r in self.records if r.candidate.number == number), None)

    @property
    def command(self) -> str:
        """The command that was run last; empty if it was not recorded."""
        words = self.environment.get("command")
        if not isinstance(words, list) or not words:
            return ""
        program, *arguments = map(str, words)
        return shlex.join([Path(program).name, *arguments])

    @property
    def place(self) -> str:
        """Flags that name the run in a command."""
        folder = self.files.folder
        return shlex.join(["--out", str(folder.parent), "--name", folder.name])

    def file(self, name: str) -> str:
        """Return the path of a file of the run as a word of a command."""
        return shlex.quote(str(self.files.folder / name))


def search_run(
    files: RunFiles, records: Sequence[Record], finals: Finals | None, *, is_own: bool
) -> SearchRun:
    """Read what the page shows from the run's folder, which may have no files yet.

    Args:
        files: The run.
        records: Its candidates.
        finals: Its finalists.
        is_own: Whether this process has the ledger open, and has finished its search.

    Raises:
        ValueError: If a file of the run is damaged.
        OSError: If a file cannot be read.
    """
    ledger = files.folder / LEDGER
    environment = _environment(files)
    if not ledger.exists():
        return SearchRun(
            files=files, records=tuple(records), finals=finals, environment=environment
        )
    contents = read_ledger(ledger)
    round_ = FinalistRound.of_run(files.folder, files.config, contents.run_id)
    trainings = round_.trainings(records)
    return SearchRun(
        files=files,
        records=tuple(records),
        finals=finals,
        events=contents.events,
        environment=environment,
        is_running=not is_own and is_open_for_writing(ledger),
        num_trainings=len(trainings),
        trainings=_finished(round_, trainings),
    )


def _finished(
    round_: FinalistRound, trainings: Sequence[Training]
) -> tuple[FinishedTraining, ...]:
    pairs = [(training, round_.results.find(training)) for training in trainings]
    return tuple(
        FinishedTraining(
            training=training,
            worker=outcome.worker,
            seconds=outcome.seconds,
            time=round_.results.time_of(training),
            wait_s=outcome.metrics.costs.device_wait_s if outcome.metrics.costs else 0.0,
        )
        for training, outcome in pairs
        if outcome is not None
    )


def _environment(files: RunFiles) -> Mapping[str, Any]:
    try:
        found = json.loads((files.folder / ENVIRONMENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
