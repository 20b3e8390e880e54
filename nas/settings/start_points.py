"""Networks that a search tries first: published ones, files, or the best of another run."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from search_space.architecture_file import load_architecture
from search_space.nearest import NearestPoint, nearest
from search_space.space import SearchSpace


@dataclass(frozen=True, slots=True, kw_only=True)
class StartPoint(NearestPoint):
    """A point of the space that is tried before the sampler proposes candidates.

    Attributes:
        source: The name or path that was given.
        key: Key of the point's network.
    """

    source: str
    key: str

    def note(self) -> str:
        """Return one line about the start point."""
        if not self.changes:
            return f"starts from {self.source} ({self.key})"
        return f"starts near {self.source} ({self.key}): {', '.join(self.changes)}"


def start_points(sources: Iterable[str], space: SearchSpace) -> tuple[StartPoint, ...]:
    """Read networks and map each to the nearest point of the space that is searched.

    The sources are published names, architecture files or run folders.

    Raises:
        OSError: If a file cannot be read.
        ValueError: If a source is not a network.
    """
    points = [(one, nearest(space, load_architecture(one).architecture)) for one in sources]
    return tuple(
        StartPoint(source=source, key=space.key(point.choices), **asdict(point))
        for source, point in points
    )
