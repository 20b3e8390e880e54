"""Shows how far the decoding is: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def decoding_progress(
    title: str = "preparing images", stream: TextIO | None = None
) -> Iterator[Callable[[int, int], None]]:
    """Yield a callback for `prepare`; nothing is shown unless it is called.

    Args:
        title: Stands before the numbers.
        stream: Where to show it; standard error unless given.
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        yield _Lines(title, stream)
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream), transient=True) as bar:
        task = bar.add_task(title, total=None, visible=False)
        last = 0

        def update(done: int, total: int) -> None:
            nonlocal last
            if done < last:  # from the files to the images
                bar.reset(task)
            last = done
            bar.update(task, completed=done, total=total, visible=True)

        yield update


class _Lines:
    """Writes a line at most every ten seconds, so that a log says that work goes on."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title, self._stream = title, stream
        self._last = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            print(f"{self._title}: {done} of {total}", file=self._stream, flush=True)
