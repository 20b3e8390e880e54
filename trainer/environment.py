"""The file that records the environment of a run."""

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from search_space.atomic_file import write_atomic

ENVIRONMENT = "environment.json"


def write_environment(
    folder: Path, *, command: Iterable[str], seed: int, packages: Iterable[str], **others: object
) -> Path:
    """Write ``environment.json``: date, words of the command, seed, commit, versions, host.

    The versions are those of `packages`; `others` are further JSON-ready entries, such as the
    device.
    """
    environment = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "seed": seed,
        "commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
        "host": platform.node(),
        "platform": platform.platform(),
        **others,
    }
    return write_atomic(folder / ENVIRONMENT, json.dumps(environment, indent=2) + "\n")


def recorded_images(folder: Path) -> Mapping[str, Any]:
    """Return the entry ``images`` of a run's ``environment.json``; empty if it cannot be read."""
    try:
        images = json.loads((folder / ENVIRONMENT).read_text(encoding="utf-8"))["images"]
    except (OSError, ValueError, LookupError, TypeError):
        return {}
    return images if isinstance(images, dict) else {}


def recorded_notes(folder: Path) -> list[str]:
    """Return the notes on the images in a run's ``environment.json``; empty without."""
    notes = recorded_images(folder).get("notes")
    return [str(note) for note in notes] if isinstance(notes, list) else []


def _commit() -> str | None:
    """Return the commit of this source tree, with a plus if it was changed; None outside git."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return result.stdout.strip() or None
