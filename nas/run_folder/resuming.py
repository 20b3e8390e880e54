"""Whether a run is resumed with the settings and images it began with, in the user's words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas.engine.ledger import LEDGER, read_ledger
from nas.run_folder.opening import MAY_CHANGE
from nas.settings.flags import search_parser
from search_space.command_line.flags import flags_by_setting
from trainer.config import ReadingConfig
from trainer.data.cache.changes import what_changed
from trainer.data.cache.images import CachedImages
from trainer.environment import recorded_images

IMAGES = "data.content"
# Settings that no flag has by their name.
NAMES = {
    "space.content": "the content of --space",
    "start_from.content": "the networks of --start-from",
    "device": "the device (--gpus-per-worker)",
}
MISSING = "nothing"


def require_same_run(
    folder: Path, settings: Mapping[str, Any], images: CachedImages, reading: ReadingConfig
) -> None:
    """Check that a run is resumed with the settings and images it began with.

    The ledger checks the same by the names of the settings in files.

    Args:
        folder: The run's folder; without a ledger there is nothing to check.
        settings: Those of now, as of `run_settings`.
        images: The images of now.
        reading: How they are found and made square.

    Raises:
        ValueError: If something differs: names the flags, or what changed in the images.
        OSError: If the ledger cannot be read.
    """
    if not (folder / LEDGER).exists():
        return
    before = read_ledger(folder / LEDGER).settings
    now = json.loads(json.dumps(settings))  # as in the ledger, with lists in place of tuples
    differing = [
        name
        for name in sorted({*before, *now} - MAY_CHANGE)
        if before.get(name, MISSING) != now.get(name, MISSING)
    ]
    if not differing:
        return
    others = [name for name in differing if name != IMAGES]
    if others:  # the images depend on some of them
        flags = flags_by_setting(search_parser(""))
        changes = [_change(name, before, now, flags) for name in others]
        raise ValueError(
            f"{folder} was made with other settings: {'; '.join(changes)}; repeat them or choose "
            "another --name"
        )
    change = what_changed(
        images, reading, cache=str(before.get(IMAGES)), recorded=recorded_images(folder)
    )
    raise ValueError(
        f"the images of --data are not those that {folder} was started with: {change}; "
        "resume it with the same images, or choose another --name"
    )


def _change(
    name: str, before: Mapping[str, Any], now: Mapping[str, Any], flags: Mapping[str, str]
) -> str:
    """Return the old and the new value of a setting, with its flag if there is one."""
    old, new = before.get(name, MISSING), now.get(name, MISSING)
    flag = flags.get(name)
    if isinstance(new, bool) and flag is not None:  # such as --no-flip, which has no value
        return f"{name.rpartition('.')[2]} {old!r} -> {new!r} ({flag})"
    return f"{flag or NAMES.get(name, f'{name} of --config')} {old!r} -> {new!r}"
