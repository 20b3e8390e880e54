"""One independent random stream for every proposal, so that a resumed search draws the same."""

import hashlib


def proposal_seed(seed: int, number: int) -> int:
    """Return a seed in [0, 2**32) for proposal `number` of a search with `seed`."""
    digest = hashlib.sha256(f"{seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big")
