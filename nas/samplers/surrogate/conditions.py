"""Which decisions matter only after certain others, as far as the trials tell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.samplers.surrogate.encoded_trials import Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Rules of the form "this decision is inactive where that one has one of these levels".

    Optuna does not say what a decision depends on. What fits every trial so far is taken for
    true; a mistake costs one draw at random, where the objective asks for more than proposed.

    Attributes:
        sizes: Number of levels of every decision, [decisions].
        rules: Per decision: None where it is always active, else the earlier decision that
            switches it off and, per code of that one, whether it does.
    """

    sizes: Codes
    rules: tuple[tuple[int, NDArray[np.bool_]] | None, ...]

    @classmethod
    def read(cls, codes: Codes, sizes: Codes) -> "Conditions":
        """Find the rule of every decision that some trial did without.

        Args:
            codes: Of all trials, [n, decisions].
            sizes: Number of levels of every decision, [decisions].
        """
        rules = tuple(_rule(codes, sizes, decision) for decision in range(len(sizes)))
        return cls(sizes=sizes, rules=rules)

    def apply(self, codes: Codes, rng: np.random.Generator) -> Codes:
        """Return `codes` without what is inactive; what has become active is drawn at random."""
        codes = codes.copy()
        for decision, (rule, size) in enumerate(zip(self.rules, self.sizes, strict=True)):
            if rule is None:
                continue
            switch, off = rule
            inactive = off[codes[:, switch]]
            drawn = rng.integers(size, size=len(codes))
            codes[:, decision] = np.where(codes[:, decision] == size, drawn, codes[:, decision])
            codes[inactive, decision] = size
        return codes


def _rule(codes: Codes, sizes: Codes, decision: int) -> tuple[int, NDArray[np.bool_]] | None:
    """Return the nearest earlier decision whose levels tell when this one is inactive."""
    inactive = codes[:, decision] == sizes[decision]
    if not inactive.any():
        return None
    for switch in reversed(range(decision)):
        off = np.zeros(sizes[switch] + 1, dtype=np.bool_)
        off[codes[inactive, switch]] = True
        if not off[codes[~inactive, switch]].any():
            return switch, off
    return None
