"""Silence of libtiff, which prints its own lines to stderr for every damaged TIFF file.

Pillow turns off its warnings, not its errors. An error is also an exception of Pillow, so no
reason is lost.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import features

MAPS = Path("/proc/self/maps")


@contextmanager
def silent_libtiff() -> Iterator[None]:
    """Keep the copy of libtiff that Pillow uses from printing errors within the context.

    Nothing happens where that library is not found, such as on other systems than Linux. The
    handler of errors is global to the process.
    """
    library = _library() if features.check_codec("libtiff") else None
    if library is None:
        yield
        return
    set_handler = library.TIFFSetErrorHandler
    set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
    before = set_handler(None)
    try:
        yield
    finally:
        set_handler(before)


def _library() -> ctypes.CDLL | None:
    """Return the library that is loaded already."""
    try:
        lines = MAPS.read_text(errors="surrogateescape").splitlines()
        paths = {line.split(maxsplit=5)[5] for line in lines if "/libtiff" in line}
        return ctypes.CDLL(paths.pop()) if len(paths) == 1 else None
    except OSError:
        return None
