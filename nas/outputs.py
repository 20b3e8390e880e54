"""Everything that a session of a search leaves in the run's folder beside the ledger."""

from collections.abc import Sequence
from pathlib import Path

from nas.candidate import Record
from nas.config import SearchConfig
from nas.final_files import write_finals, write_front
from nas.finalists import Finals, winner
from nas.report.page import write_report
from nas.run_folder import write_best, write_trials
from search_space.artifact import BEST
from search_space.space import SearchSpace


def write_outputs(
    folder: Path,
    records: Sequence[Record],
    finals: Finals | None,
    config: SearchConfig,
    space: SearchSpace,
) -> tuple[Path, ...]:
    """Write what people read of a run, and return the files, the most important first.

    Where nobody can win there is no ``best.json``; one of a time when somebody seemed able to
    is removed.

    Raises:
        OSError: If a file cannot be written.
    """
    files = [
        *write_finals(folder, finals),
        *write_front(folder, records, config, space),
        write_trials(folder, records, space),
        write_report(folder, records, config, space, finals),
    ]
    best = winner(records, finals)
    if best is None:
        (folder / BEST).unlink(missing_ok=True)  # of a time when one seemed able to win
        return tuple(files)
    confirmed = finals.winner if finals else None
    finalist = confirmed.provenance() if confirmed else None
    return write_best(folder, best, config, space, finalist=finalist), *files
