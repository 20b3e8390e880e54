"""Networks that a search tries first: published ones, files, or the best of another run."""

from collections.abc import Iterable
from dataclasses import dataclass

from nas.candidate import Choice
from search_space.architecture_file import load_architecture
from search_space.nearest import nearest
from search_space.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPoint:
    """A point of the space that is tried before the sampler proposes candidates.

    Attributes:
        source: The name or path that was given.
        choices: The canonical choices of the point.
        key: Key of its network.
        changes: Differences from the given network, one short phrase each.
    """

    source: str
    choices: dict[str, Choice]
    key: str
    changes: tuple[str, ...]

    def note(self) -> str:
        """Return one line about the start point."""
        if not self.changes:
            return f"starts from {self.source} ({self.key})"
        return f"starts near {self.source} ({self.key}): {', '.join(self.changes)}"


def start_points(sources: Iterable[str], space: SearchSpace) -> tuple[StartPoint, ...]:
    """Read networks and map each to the nearest point of `space`.

    Args:
        sources: Published names, architecture files or run folders.
        space: The space that is searched.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a source is not a network.
    """
    points = []
    for source in sources:
        point = nearest(space, load_architecture(source).architecture)
        key = space.key(point.choices)
        points.append(
            StartPoint(source=source, choices=point.choices, key=key, changes=point.changes)
        )
    return tuple(points)
