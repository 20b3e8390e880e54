"""Opening of a run's folder, which is removed again if nothing was tried in it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nas.engine.events import RungTold, Told
from nas.engine.ledger import LEDGER, HeldError, read_ledger

RESULTS = "results"  # folder of the result files


@contextmanager
def opened_run_folder(folder: Path) -> Iterator[None]:
    """Make the run's folder; a new one without any outcome is removed after an error.

    Raises:
        OSError: If it cannot be made.
    """
    try:
        folder.mkdir(parents=True)
        is_new = True
    except FileExistsError:
        is_new = False
    (folder / RESULTS).mkdir(exist_ok=True)
    try:
        yield
    except HeldError:  # another search took the folder at the same moment
        raise
    except (ValueError, OSError):
        if is_new and not _has_outcomes(folder):
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _has_outcomes(folder: Path) -> bool:
    """Whether any candidate of the run has an outcome, or may have one."""
    if any((folder / RESULTS).glob("*.json")):
        return True
    try:
        events = read_ledger(folder / LEDGER).events
        return any(isinstance(event, Told | RungTold) for event in events)
    except FileNotFoundError:
        return False
    except (ValueError, OSError):  # damaged: the user decides
        return True
