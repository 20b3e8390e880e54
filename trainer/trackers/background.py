"""A tracker in a thread of its own, so that it never delays or ends what it tracks."""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from search_space.checks import shortened
from search_space.command_line.passwords import without_passwords
from search_space.command_line.terminal import one_line
from search_space.command_line.waiting import said_if_slow
from trainer.trackers.tracker import Tracker

PATIENCE_S = 60.0  # at the end, without any sign of progress
MAX_REASON = 300  # characters of an error's text
POLL_S = 0.05

Tell = Callable[[str], None]


class BackgroundTracker:
    """Passes calls to a tracker in order, in another thread; none of them raises or waits.

    After the first error the tracker is not called any more. The error is told once, in one line,
    from the caller's thread. A server that does not answer delays only `finish`.

    Args:
        name: Name of the tracker in lines.
        make: Makes the tracker, in the thread: it may import its library.
        tell: Receives lines for the user.
        patience_s: Seconds that `finish` waits without any sign of progress.
    """

    def __init__(
        self, name: str, make: Callable[[], Tracker], tell: Tell, patience_s: float = PATIENCE_S
    ) -> None:
        self._name, self._make, self._tell, self._patience_s = name, make, tell, patience_s
        self._calls: queue.SimpleQueue[tuple[str, tuple[Any, ...]]] = queue.SimpleQueue()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._has_failed, self._done = False, 0
        # A daemon thread: a tracker that hangs must not keep the process alive.
        self._thread = threading.Thread(target=self._run, name=f"tracker {name}", daemon=True)
        self._thread.start()

    def start(self, config: Mapping[str, Any]) -> None:
        """Open the run."""
        self._put("start", config)

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Record the metrics of a step."""
        self._put("log", metrics, step)

    def finish(self, summary: Mapping[str, float] | None) -> None:
        """End the run, and wait until everything is recorded or nothing happens any more."""
        self._put("finish", summary)
        line = f"waiting for tracker {self._name}"
        with said_if_slow(line, self._tell):
            self._wait()
        self._tell_lines()
        if self._thread.is_alive():
            self._tell(
                f"note: tracker {self._name} has not answered for {self._patience_s:g} s; what "
                "it has not recorded is missing there, and nothing is missing in the run's folder"
            )

    def _wait(self) -> None:
        """Wait for the end of the thread, or until nothing happens any more."""
        done, until = self._done, time.monotonic() + self._patience_s
        while self._thread.is_alive() and time.monotonic() < until:
            self._thread.join(POLL_S)
            if self._done > done:
                done, until = self._done, time.monotonic() + self._patience_s

    def _put(self, method: str, *values: Any) -> None:
        self._calls.put((method, values))
        self._tell_lines()

    def _tell_lines(self) -> None:
        while not self._lines.empty():
            self._tell(self._lines.get())

    def _run(self) -> None:
        method, tracker = "", None
        while method != "finish":
            method, values = self._calls.get()
            if self._has_failed:
                continue
            try:
                tracker = tracker or self._make()
                answer = getattr(tracker, method)(*values)
            except (Exception, SystemExit) as error:  # noqa: BLE001 (the run goes on without it)
                self._has_failed = True
                reason = without_passwords(f"{type(error).__name__}: {error}")
                self._lines.put(
                    f"note: tracker {self._name} failed, and the run goes on without it: "
                    f"{shortened(one_line(reason), MAX_REASON)}"
                )
            else:
                if method == "start" and answer:
                    self._lines.put(f"tracker {self._name}: {answer}")
            self._done += 1
