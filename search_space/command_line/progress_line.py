"""A progress display in one line that fits its terminal: bar, count and time left always stay."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress import Progress, Task
from rich.text import Text

from search_space.command_line.terminal import visible

SHORTEST_BAR, LONGEST_BAR = 10, 40  # characters
UNKNOWN = "-:--"


def clock(seconds: float) -> str:
    """Return a time as hours:minutes:seconds; without hours below one hour."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def time_left_text(seconds: float | None) -> str:
    """Return a time left as text of the line; None if it is not known yet."""
    return f"{UNKNOWN if seconds is None else clock(seconds)} left"


def chosen_parts(
    width: int, title: str, count: str, left: str, details: Sequence[str]
) -> tuple[str, int, tuple[str, ...]]:
    """Choose what a line of `width` characters shows next to the count and the time left.

    A part is shown whole or not at all. The bar has the first claim, then the title, and then
    the details in their order; a detail that does not fit ends them.

    Returns:
        The title or an empty text, the length of the bar (0 for none), and the details.
    """
    room = width - cell_len(count) - 1 - cell_len(left)
    if room < SHORTEST_BAR + 1:
        return "", 0, ()
    room -= SHORTEST_BAR + 1
    if cell_len(title) + 1 > room:
        return "", min(LONGEST_BAR, SHORTEST_BAR + room), ()
    room -= cell_len(title) + 1
    shown = []
    for detail in details:
        if cell_len(detail) + 2 > room:
            break
        room -= cell_len(detail) + 2
        shown.append(detail)
    return title, min(LONGEST_BAR, SHORTEST_BAR + room), tuple(shown)


class ProgressLine(Progress):
    """A display of tasks, each in one line that never wraps and never cuts a number.

    Fields of a task: `details`, texts in the order of their importance; `seconds_left`, a function
    that returns the time left or None, instead of the estimate from the speed so far.

    Args:
        title: Text before the bar; a format with the field ``task``.
        console: Where it is shown; nothing is shown unless that is a terminal.
    """

    def __init__(self, title: str, console: Console) -> None:
        super().__init__(console=console, transient=True, disable=not console.is_terminal)
        self._title = title

    def get_renderables(self) -> Iterator["_Line"]:
        """Yield the line of each task that is visible."""
        for task in self.tasks:
            if task.visible:
                yield _Line(self._title.format(task=task), task)


class _Line:
    """The line of a task, laid out when its width is known."""

    def __init__(self, title: str, task: Task) -> None:
        self._title, self._task = visible(title), task

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        task = self._task
        total = None if task.total is None else int(task.total)
        count = f"{int(task.completed)}/{'?' if total is None else total}"
        left = time_left_text(_seconds_left(task))
        details = [visible(each) for each in task.fields.get("details", ())]
        # The last column of some terminals wraps the line.
        title, bar, shown = chosen_parts(options.max_width - 1, self._title, count, left, details)
        share = task.completed / total if total else 0.0
        text = Text(no_wrap=True, overflow="crop")
        if title:
            text.append(f"{title} ")
        if bar:
            _append_bar(text, bar, share, ascii_only=options.ascii_only)
            text.append(" ")
        text.append(f"{count} ", "progress.percentage")
        text.append(left, "progress.remaining")
        for detail in shown:
            text.append(f"  {detail}")
        yield text


def _append_bar(text: Text, length: int, share: float, *, ascii_only: bool) -> None:
    done = round(length * min(max(share, 0.0), 1.0))
    full, empty = ("#", "-") if ascii_only else ("━", "─")
    text.append(full * done, "bar.complete")
    text.append(empty * (length - done), "bar.back")


def _seconds_left(task: Task) -> float | None:
    estimate: Any = task.fields.get("seconds_left")
    return task.time_remaining if estimate is None else estimate()
