"""The result of a session of a search."""

from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from nas.candidate import Record
from nas.dispatch.limits import TooManyFailuresError
from nas.finalists.finalists import Finals, winner


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The result of a session of a search.

    Attributes:
        records: Every candidate so far, earlier sessions included.
        files: The files that were written, the most important first.
        stopped: The signal that stopped it before its budget, if one did.
        failures: Why it stopped if too many candidates failed in a row, else None.
        note: Notes on the search, one sentence per line.
        finals: The finalists after their further trainings; None if there are none.
    """

    records: tuple[Record, ...]
    files: tuple[Path, ...]
    stopped: Signals | None
    failures: TooManyFailuresError | None
    note: str
    finals: Finals | None = None

    @property
    def best(self) -> Record | None:
        """The winner: of the finalists, or else of all candidates; None if none can win."""
        return winner(self.records, self.finals)
