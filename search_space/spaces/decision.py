"""Named categorical decisions, and the one canonical form of what was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Choice = int | str
Choices = Mapping[str, Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One categorical decision, as a sampler sees it.

    Attributes:
        name: Stage and field, such as ``stage3.kernel_size``.
        options: What may be chosen; at least one, all different.
        requires: Name of the decision that switches this one off by choosing 0; None for a
            decision that always has to be made.
    """

    name: str
    options: tuple[Choice, ...]
    requires: str | None = None

    def is_active(self, chosen: Choices) -> bool:
        """Whether it has to be made, given what was chosen before it."""
        return self.requires is None or chosen[self.requires] != 0


def canonical(decisions: Sequence[Decision], choices: Choices) -> dict[str, Choice]:
    """`choices` in the order of `decisions`, without those that are switched off.

    Raises:
        ValueError: If a decision is missing, unknown, or chose what is no option.
    """
    if unknown := sorted(set(choices) - {decision.name for decision in decisions}):
        raise ValueError(f"choices has unknown decisions {unknown}")
    chosen: dict[str, Choice] = {}
    for decision in decisions:
        if not decision.is_active(chosen):
            continue
        if decision.name not in choices:
            raise ValueError(f"choices lacks decision {decision.name}")
        value = choices[decision.name]
        if isinstance(value, bool) or value not in decision.options:
            raise ValueError(
                f"choices.{decision.name} must be one of {list(decision.options)}, got {value!r}"
            )
        chosen[decision.name] = decision.options[decision.options.index(value)]
    return chosen
