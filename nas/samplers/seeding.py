"""Independent random streams by name, so that a resumed search draws the same numbers."""

import hashlib


def named_seed(seed: int, name: str | int) -> int:
    """Return the seed in [0, 2**32) of the stream `name` in a search with `seed`."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return int.from_bytes(digest[:4], "big")


def proposal_seed(seed: int, number: int) -> int:
    """Return the seed in [0, 2**32) of proposal `number` of a search with `seed`."""
    return named_seed(seed, number)
