"""What is known of a candidate before any training, and whether that rules it out."""

from collections.abc import Callable

from nas.candidate import Choices
from nas.config import SearchConfig
from nas.constraint import Constraint
from search_space.cost import count_macs, count_params
from search_space.space import SearchSpace


def constraint_screen(
    config: SearchConfig, space: SearchSpace, num_classes: int
) -> Callable[[Choices], str]:
    """Return what tells why choices break a constraint, before anything is built."""
    constraints = [Constraint.parse(text) for text in config.constraints]

    def screen(choices: Choices) -> str:
        if not constraints:
            return ""
        architecture = space.architecture(choices)
        costs = {
            "params": count_params(architecture, num_classes),
            "macs": count_macs(architecture, config.proxy.image_size, num_classes),
        }
        return "; ".join(filter(None, (one.violation(costs) for one in constraints)))

    return screen
