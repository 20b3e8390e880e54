"""Progress bars, and the progress of the preparation of images, which is lines off a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import Progress, TaskID

from search_space.command_line.progress_line import ProgressLine
from search_space.command_line.terminal import PlainConsole

SECONDS_BETWEEN_LINES = 10.0


def progress_bar(title: str, *, console: Console) -> Progress:
    """Return a display of title, bar, count and time left; it shows nothing off a terminal."""
    return ProgressLine(title, console)


class DecodingProgress(Protocol):
    """Receives how many of the files, and then of the images, are done."""

    def __call__(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""


@contextmanager
def decoding_progress(
    title: str = "preparing images", stream: TextIO | None = None
) -> Iterator[DecodingProgress]:
    """Yield a progress display for `prepare`; it shows nothing until it is called.

    `title` stands before the numbers; the default of `stream` is standard error.
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        yield _Lines(title, stream)
        return
    with progress_bar(title, console=PlainConsole(file=stream)) as progress:
        yield _Bar(progress, progress.add_task(title, total=None, visible=False))


class _Bar(DecodingProgress):
    """Updates a bar, and restarts it for the images after the files."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task, self._last = progress, task, 0

    def __call__(self, done: int, total: int) -> None:
        if done < self._last:
            self._progress.reset(self._task)
        self._last = done
        self._progress.update(self._task, completed=done, total=total, visible=True)


class _Lines(DecodingProgress):
    """Writes at most one line every ten seconds."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title, self._stream = title, stream
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            print(f"{self._title}: {done} of {total}", file=self._stream, flush=True)
