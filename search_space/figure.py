"""Figures as PNG or SVG, whatever matplotlib's settings, the home folder and the display are."""

import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from search_space.command_line.terminal import visible

if TYPE_CHECKING:  # matplotlib is imported only by a process that draws
    from matplotlib.figure import Figure

# MPLBACKEND: notebooks set it to a backend that only their own process has. MATPLOTLIBRC: settings
# of the user, such as text.usetex, which needs programs that may be missing.
_FOREIGN_SETTINGS = ("MPLBACKEND", "MATPLOTLIBRC")
_CONFIG = "MPLCONFIGDIR"


def new_figure(
    title: str, *, width: float, height: float, dpi: int = 100, color: str = "black"
) -> "Figure":
    """Return an empty figure in matplotlib's default style; sides in inches.

    `title`, in `color`, is shown unchanged: matplotlib would read ``$`` as the start of a formula.
    """
    with _imported():
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        for find_folder in (matplotlib.get_configdir, matplotlib.get_cachedir):
            find_folder()  # they remember what they found
        matplotlib.rcdefaults()  # a matplotlibrc file may be in the current folder
    figure = Figure(figsize=(width, height), layout="constrained", dpi=dpi)
    FigureCanvasAgg(figure)
    figure.suptitle(visible(title), parse_math=False, color=color)
    return figure


def drawn(figure: "Figure", kind: Literal["png", "svg"], *, dpi: int | None = None) -> bytes:
    """Return the content of an image file of a figure; `dpi` replaces that of the figure."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # Characters that the font lacks become boxes, with a warning on each.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(stream, format=kind, dpi=dpi or "figure")
    return stream.getvalue()


@contextmanager
def _imported() -> Iterator[None]:
    """Import matplotlib in the block without the settings of other programs.

    Where the home folder is unknown or cannot be written, matplotlib's files go to a temporary
    folder that is removed after the import. The environment is the same before and after.
    """
    before = {name: os.environ.pop(name, None) for name in _FOREIGN_SETTINGS}
    before[_CONFIG] = os.environ.get(_CONFIG)
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    if not _has_current_folder():  # matplotlib looks for its settings there
        os.chdir("/")
    try:
        with _config_folder():
            yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _config_folder() -> Iterator[None]:
    if _is_writable_home():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="nas-figure-") as folder:
        os.environ[_CONFIG] = folder
        yield


def _has_current_folder() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _is_writable_home() -> bool:
    """Return whether matplotlib's own folders can be made and written."""
    folders = [os.environ[_CONFIG]] if os.environ.get(_CONFIG) else []
    with suppress(RuntimeError):
        for name, default in (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache")):
            if not os.environ.get(_CONFIG):
                folders.append(os.environ.get(name) or str(Path.home() / default))
    return bool(folders) and all(map(_can_be_written, folders))


def _can_be_written(folder: str) -> bool:
    """Return whether the folder, or the nearest parent that exists, can be written."""
    path = Path(folder).absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path.is_dir() and os.access(path, os.W_OK | os.X_OK)
