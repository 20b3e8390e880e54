"""Named categorical decisions, and the canonical form of a set of choices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from search_space.checks import shown

Choice = int | str
Choices = Mapping[str, Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A categorical decision, as samplers see it.

    Attributes:
        name: Stage and field, such as ``stage3.kernel_size``.
        options: The possible choices; at least one, all different.
        requires: Name of the decision that must not be 0 for this one to be active; None for a
            decision that is always active.
    """

    name: str
    options: tuple[Choice, ...]
    requires: str | None = None

    def is_active(self, chosen: Choices) -> bool:
        """Return whether the decision is active after the choices of earlier decisions."""
        return self.requires is None or chosen[self.requires] != 0


def canonical(decisions: Sequence[Decision], choices: Choices) -> dict[str, Choice]:
    """Return `choices` in the order of `decisions`, without those of inactive decisions.

    Raises:
        ValueError: If a decision is missing or unknown, or a choice is not an option.
    """
    if unknown := sorted(set(choices) - {decision.name for decision in decisions}):
        raise ValueError(f"choices has unknown decisions {shown(unknown)}")
    chosen: dict[str, Choice] = {}
    for decision in decisions:
        if not decision.is_active(chosen):
            continue
        if decision.name not in choices:
            raise ValueError(f"choices lacks decision {decision.name}")
        value = choices[decision.name]
        if isinstance(value, bool) or value not in decision.options:
            raise ValueError(
                f"choices.{decision.name} must be one of {list(decision.options)}, "
                f"got {shown(value)}"
            )
        chosen[decision.name] = decision.options[decision.options.index(value)]
    return chosen
