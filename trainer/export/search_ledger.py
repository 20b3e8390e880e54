"""The ledger of a search as a record of where a network comes from."""

import hashlib
from pathlib import Path
from typing import Any

LEDGER = "ledger.jsonl"


def ledger_facts(folder: Path) -> dict[str, Any] | None:
    """Return digest and number of candidates of the ledger in a search's folder; None without.

    The digest is the SHA-256 of the whole file, as ``sha256sum`` prints it.
    """
    digest, told = hashlib.sha256(), 0
    try:
        with (folder / LEDGER).open("rb") as file:
            for line in file:
                digest.update(line)
                told += line.startswith(b'{"event":"told"')
    except OSError:
        return None
    return {"sha256": digest.hexdigest(), "candidates": told}
