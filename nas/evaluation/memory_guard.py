"""Watches a process's own memory, so that it ends by itself and not with its neighbours."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trainer.device.host_memory import own_memory_bytes

POLL_S = 0.1  # a reading takes microseconds


@contextmanager
def memory_guard(limit_bytes: int | None, on_exceeded: Callable[[str], None]) -> Iterator[None]:
    """Call `on_exceeded` with the reason, in another thread, if memory grows beyond a limit.

    Args:
        limit_bytes: Resident memory that is the process's alone; None watches nothing.
        on_exceeded: Called at most once; must end the process for the guard to be of use.
    """
    if limit_bytes is None or own_memory_bytes() is None:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_S):
            used = own_memory_bytes() or 0
            if used > limit_bytes:
                on_exceeded(
                    f"out of memory: its worker held {used / 2**30:.2f} GiB, "
                    f"of {limit_bytes / 2**30:.2f} GiB for each"
                )
                return

    watcher = threading.Thread(target=watch, name="memory guard", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
