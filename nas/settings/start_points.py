"""Networks that a search begins with: published ones, files, or another run's best."""

from collections.abc import Iterable
from dataclasses import dataclass

from nas.candidate import Choice
from search_space.architecture_file import load_architecture
from search_space.nearest import nearest
from search_space.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPoint:
    """A point of the space that is tried before any sampler proposes.

    Attributes:
        source: The name or path that was given.
        choices: The point, canonical.
        key: Of its network.
        changes: What differs from the network that was meant, one short phrase each.
    """

    source: str
    choices: dict[str, Choice]
    key: str
    changes: tuple[str, ...]

    def note(self) -> str:
        """Say in one line what the search begins with."""
        if not self.changes:
            return f"starts from {self.source} ({self.key})"
        return f"starts near {self.source} ({self.key}): {', '.join(self.changes)}"


def start_points(sources: Iterable[str], space: SearchSpace) -> tuple[StartPoint, ...]:
    """Read networks and map each to the nearest point of `space`.

    Args:
        sources: Published names, architecture files or run folders.
        space: Where they are to be points.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If there is no such network.
    """
    points = []
    for source in sources:
        point = nearest(space, load_architecture(source).architecture)
        key = space.key(point.choices)
        points.append(
            StartPoint(source=source, choices=point.choices, key=key, changes=point.changes)
        )
    return tuple(points)
