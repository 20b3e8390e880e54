"""The identifiers that trackers gave to a run, kept in its folder so that a resume finds them."""

import json
import threading
from pathlib import Path

from search_space.atomic_file import write_atomic
from search_space.text_files import parse_json, read_text

FILE = "trackers.json"
# Each tracker writes its identifier from a thread of its own.
_WRITING = threading.Lock()


def run_id(folder: Path, tracker: str) -> str | None:
    """Return the run's identifier in a tracker; None if it has none, or the file is damaged."""
    found = _read(folder).get(tracker)
    return found if isinstance(found, str) and found else None


def keep_run_id(folder: Path, tracker: str, identifier: str) -> None:
    """Write the run's identifier in a tracker into its folder.

    Raises:
        OSError: If the file cannot be written.
    """
    with _WRITING:
        known = {**_read(folder), tracker: identifier}
        write_atomic(folder / FILE, json.dumps(known, indent=2) + "\n")


def _read(folder: Path) -> dict[str, object]:
    try:
        known = parse_json(read_text(folder / FILE))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
