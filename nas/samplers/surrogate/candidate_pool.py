"""Candidates for a proposal: random points, mutants of known points, and their conditions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.samplers.surrogate.encoded_trials import Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Rules of the form "this decision is inactive if that one has one of these levels".

    Optuna does not know what a decision depends on. A rule that fits all trials so far is taken
    as true. If it is wrong, the objective asks for a decision that was not proposed, and this
    decision is drawn at random.

    Attributes:
        sizes: Number of levels of every decision, [decisions].
        rules: For each decision None if it is always active, else the index of the earlier
            decision that makes it inactive and, for each code of that one, whether it does.
    """

    sizes: Codes
    rules: tuple[tuple[int, NDArray[np.bool_]] | None, ...]

    @classmethod
    def infer(cls, codes: Codes, sizes: Codes) -> "Conditions":
        """Return the rule of every decision that is inactive in some trial.

        Args:
            codes: Points of all trials, [n, decisions].
            sizes: Number of levels of every decision, [decisions].
        """
        rules = tuple(_rule(codes, sizes, decision) for decision in range(len(sizes)))
        return cls(sizes=sizes, rules=rules)

    def apply(self, codes: Codes, rng: np.random.Generator) -> Codes:
        """Return [n, decisions] `codes` with inactive decisions removed and new ones drawn."""
        codes = codes.copy()
        for decision, (rule, size) in enumerate(zip(self.rules, self.sizes, strict=True)):
            if rule is None:
                continue
            switch, makes_inactive = rule
            inactive = makes_inactive[codes[:, switch]]
            drawn = rng.integers(size, size=len(codes))
            codes[:, decision] = np.where(codes[:, decision] == size, drawn, codes[:, decision])
            codes[inactive, decision] = size
        return codes


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePool:
    """Draws points of a space whose decisions may be inactive.

    Attributes:
        conditions: Rules that tell which decisions are active.
        rng: Random stream of all draws.
    """

    conditions: Conditions
    rng: np.random.Generator

    def random(self, count: int) -> Codes:
        """Return points whose every decision is drawn uniformly, [count, decisions]."""
        sizes = self.conditions.sizes
        codes = self.rng.integers(sizes, size=(count, len(sizes)))
        return self.conditions.apply(codes, self.rng)

    def mutants(self, parents: Codes, changes: Codes) -> Codes:
        """Return a child of every parent, [n, decisions].

        Args:
            parents: Points, [n, decisions].
            changes: Number of changes of one decision that lead to each child, [n].
        """
        codes = parents
        for done in range(int(changes.max(initial=0))):
            changed = self.conditions.apply(self._changed(codes), self.rng)
            codes = np.where((changes > done)[:, None], changed, codes)
        return codes

    def _changed(self, codes: Codes) -> Codes:
        """Return `codes` with one active decision of each changed, if one has two levels."""
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
