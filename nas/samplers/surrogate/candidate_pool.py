"""Points worth a look: drawn at random, or near points that are known to be good."""

from dataclasses import dataclass

import numpy as np

from nas.samplers.surrogate.conditions import Conditions
from nas.samplers.surrogate.encoded_trials import Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePool:
    """Draws codes in a space with conditions.

    Attributes:
        conditions: Of the space.
        rng: Of all draws.
    """

    conditions: Conditions
    rng: np.random.Generator

    def random(self, count: int) -> Codes:
        """Return points whose every decision is drawn uniformly, [count, decisions]."""
        sizes = self.conditions.sizes
        codes = self.rng.integers(sizes, size=(count, len(sizes)))
        return self.conditions.apply(codes, self.rng)

    def mutants(self, parents: Codes, changes: Codes) -> Codes:
        """Return a child of every parent.

        Args:
            parents: [n, decisions].
            changes: How often a decision of the child is changed, one after the other, [n].
        """
        codes = parents
        for done in range(int(changes.max(initial=0))):
            changed = self.conditions.apply(self._changed(codes), self.rng)
            codes = np.where((changes > done)[:, None], changed, codes)
        return codes

    def _changed(self, codes: Codes) -> Codes:
        """Return `codes` with one active decision of each changed, where one has two levels."""
        sizes = self.conditions.sizes
        changeable = (codes < sizes) & (sizes > 1)
        column = np.where(changeable, self.rng.random(codes.shape), -1.0).argmax(axis=1)
        rows = np.flatnonzero(changeable.any(axis=1))
        column = column[rows]
        others = sizes[column] - 1
        step = 1 + (self.rng.random(len(rows)) * others).astype(np.int64)
        codes = codes.copy()
        codes[rows, column] = (codes[rows, column] + step) % sizes[column]
        return codes


def keys_of(codes: Codes) -> set[bytes]:
    """Return the rows as keys."""
    return set(_keys(codes))


def unseen(codes: Codes, seen: set[bytes]) -> Codes:
    """Return the distinct rows of `codes` that are not in `seen`, in their order; adds them."""
    keep = []
    for index, key in enumerate(_keys(codes)):
        if key not in seen:
            seen.add(key)
            keep.append(index)
    return codes[keep]


def _keys(codes: Codes) -> list[bytes]:
    whole, width = np.ascontiguousarray(codes).tobytes(), 8 * codes.shape[1]
    return [whole[start : start + width] for start in range(0, len(whole), width)]


def spread_out(candidates: Codes, known: Codes) -> Codes:
    """Return the candidate whose levels have been tried least, so that each is tried soon.

    Args:
        candidates: [n, decisions], n >= 1.
        known: [m, decisions].
    """
    tried = (candidates[:, None, :] == known[None, :, :]).sum(axis=1)
    best: Codes = candidates[np.argmax((1.0 / (1 + tried) ** 2).sum(axis=1))]
    return best
