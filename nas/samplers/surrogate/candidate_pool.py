"""Candidates for a proposal: random points, mutants of known points, and their conditions."""

import numpy as np
from numpy.typing import NDArray

from nas.samplers.surrogate.decision_encoding import Codes


class CandidatePool:
    """Draws points of a space whose decisions may be inactive.

    Optuna does not know what a decision depends on. A rule of the form "this decision is
    inactive if that one has one of these levels" is taken as true if it fits all trials so far.
    If it is wrong, the objective asks for a decision that was not proposed, and this decision is
    drawn at random.

    Attributes:
        rules: For each decision None if it is always active, else the index of the earlier
            decision that makes it inactive and, for each code of that one, whether it does.
    """

    def __init__(self, known: Codes, sizes: Codes, rng: np.random.Generator) -> None:
        """Infer the rule of every decision that is inactive in some trial.

        Args:
            known: Points of all trials, [n, decisions].
            sizes: Number of levels of every decision, [decisions].
            rng: Random stream of all draws.
        """
        self._sizes, self._rng = sizes, rng
        self.rules = [_rule(known, sizes, decision) for decision in range(len(sizes))]

    def random(self, count: int) -> Codes:
        """Return points whose every decision is drawn uniformly, [count, decisions]."""
        return self._apply_rules(self._rng.integers(self._sizes, size=(count, len(self._sizes))))

    def mutants(self, parents: Codes, changes: Codes) -> Codes:
        """Return a child of every parent, [n, decisions].

        Args:
            parents: Points, [n, decisions].
            changes: Number of changes of one decision that lead to each child, [n].
        """
        codes = parents
        for done in range(int(changes.max(initial=0))):
            changed = self._apply_rules(self._changed(codes))
            codes = np.where((changes > done)[:, None], changed, codes)
        return codes

    def _changed(self, codes: Codes) -> Codes:
        """Return `codes` with one active decision of each changed, if one has two levels."""
        sizes = self._sizes
        changeable = (codes < sizes) & (sizes > 1)
        column = np.where(changeable, self._rng.random(codes.shape), -1.0).argmax(axis=1)
        rows = np.flatnonzero(changeable.any(axis=1))
        column = column[rows]
        others = sizes[column] - 1
        step = 1 + (self._rng.random(len(rows)) * others).astype(np.int64)
        codes = codes.copy()
        codes[rows, column] = (codes[rows, column] + step) % sizes[column]
        return codes

    def _apply_rules(self, codes: Codes) -> Codes:
        """Return [n, decisions] `codes` with inactive decisions removed and new ones drawn."""
        codes = codes.copy()
        for decision, (rule, size) in enumerate(zip(self.rules, self._sizes, strict=True)):
            if rule is None:
                continue
            switch, makes_inactive = rule
            inactive = makes_inactive[codes[:, switch]]
            drawn = self._rng.integers(size, size=len(codes))
            codes[:, decision] = np.where(codes[:, decision] == size, drawn, codes[:, decision])
            codes[inactive, decision] = size
        return codes


def row_keys(codes: Codes) -> list[bytes]:
    """Return the bytes of each row of `codes`, [n, decisions], as hashable keys."""
    data, width = np.ascontiguousarray(codes).tobytes(), 8 * codes.shape[1]
    return [data[start : start + width] for start in range(0, len(data), width)]


def unseen(codes: Codes, seen: set[bytes]) -> Codes:
    """Return the distinct rows of [n, decisions] `codes` not in `seen`, and add their keys."""
    keep = []
    for index, key in enumerate(row_keys(codes)):
        if key not in seen:
            seen.add(key)
            keep.append(index)
    return codes[keep]


def least_tried(candidates: Codes, known: Codes) -> Codes:
    """Return the candidate whose levels were tried least often, [decisions].

    Args:
        candidates: Points, [n, decisions], n >= 1.
        known: Points that were tried, [m, decisions].
    """
    counts = (candidates[:, None, :] == known[None, :, :]).sum(axis=1)
    best: Codes = candidates[np.argmax((1.0 / (1 + counts) ** 2).sum(axis=1))]
    return best


def _rule(codes: Codes, sizes: Codes, decision: int) -> tuple[int, NDArray[np.bool_]] | None:
    """Return the nearest earlier decision whose levels tell when `decision` is inactive."""
    inactive = codes[:, decision] == sizes[decision]
    if not inactive.any():
        return None
    for switch in reversed(range(decision)):
        makes_inactive = np.zeros(sizes[switch] + 1, dtype=np.bool_)
        makes_inactive[codes[inactive, switch]] = True
        if not makes_inactive[codes[~inactive, switch]].any():
            return switch, makes_inactive
    return None
