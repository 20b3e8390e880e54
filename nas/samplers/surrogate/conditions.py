"""Rules that tell which decisions are active, inferred from the trials."""

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
