"""Names and colours of compared runs."""

from collections.abc import Sequence
from pathlib import Path

from nas.report.frame.chart import Color

COLORS: tuple[Color, ...] = ("one", "two", "three", "four", "five", "six")


def run_names(folders: Sequence[Path]) -> tuple[str, ...]:
    """Return a name for each run: its folder's, with as many parents as it takes to be unique."""
    paths = [folder.resolve().parts for folder in folders]
    names = []
    for own in paths:
        others = [parts for parts in paths if parts != own]
        length = 1
        while length < len(own) and any(parts[-length:] == own[-length:] for parts in others):
            length += 1
        names.append("/".join(own[-length:]))
    return tuple(names)


def color_of(index: int) -> Color:
    """Return the colour of the curve of a run; there are six."""
    return COLORS[index % len(COLORS)]


def is_dashed(index: int) -> bool:
    """Return whether the curve of a run is dashed, as its colour is that of another one."""
    return index >= len(COLORS)
