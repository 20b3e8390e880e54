"""What a tracker of experiments does, and which run it is of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """A run as trackers see it.

    Attributes:
        folder: Folder of the run, which exists. Its name is that of the run.
        project: Name under which a tracker groups runs, unless its own settings name another.
        start: Number of steps that were finished before this process; 0 for a new run.
    """

    folder: Path
    project: str
    start: int = 0

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.folder.resolve().name


class Tracker(Protocol):
    """Receives the settings, the metrics and the end of one run; any method may raise anything.

    A resumed run continues under the identifier that it has in the tracker.
    """

    def start(self, config: Mapping[str, Any]) -> str:
        """Open the run with its settings, which may be nested.

        Returns:
            Where the run can be seen, such as a URL; empty if there is nothing to say.
        """
        ...

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Record the metrics of a step. Steps may come in any order, and again."""
        ...

    def finish(self, summary: Mapping[str, float] | None) -> None:
        """End the run with its final numbers; None if it was stopped and may be continued."""
        ...
