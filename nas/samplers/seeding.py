"""Independent random streams by name, so that a resumed search draws the same."""

import hashlib


def named_seed(seed: int, name: str | int) -> int:
    """Return a seed in [0, 2**32) for what is called `name` in a search with `seed`."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def proposal_seed(seed: int, number: int) -> int:
    """Return a seed in [0, 2**32) for proposal `number` of a search with `seed`."""
    return named_seed(seed, number)
