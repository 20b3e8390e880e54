"""Tables of candidates and finalists, on the console and as cells of the report; numbers."""

from collections.abc import Iterable, Sequence

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Column, Table

from nas.analysis.ranking import at_highest_rung, pareto_front
from nas.candidate import Record
from nas.finalists.finalists import Finalist, Finals
from search_space.counted import counted

CANDIDATE = ("candidate", "reward", "accuracy", "step time", "relative", "params", "key")
FINALIST = (
    *("candidate", "reward", "mean accuracy", "range", "step time", "rank before"),
    *("reward before", "relative", "params"),
)
FINALIST_ON_CONSOLE = 6  # leading columns of `FINALIST`; all would be too wide


WIDEST = 1000  # characters, of a console on which every table fits


class FittingTable:
    """A table for the console, all columns aligned to the right, that never cuts a cell.

    On a narrow console the last columns are left out. The words of a heading are on lines of
    their own.
    """

    def __init__(
        self,
        title: str,
        heads: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        caption: str | None = None,
    ) -> None:
        self._title, self._caption = title, caption
        self._heads, self._rows = [head.replace(" ", "\n") for head in heads], [*rows]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for count in range(len(self._heads), 0, -1):
            made = self._table(count)
            wide = options.update(max_width=WIDEST)
            if count == 1 or console.measure(made, options=wide).maximum <= options.max_width:
                yield made
                return

    def _table(self, count: int) -> Table:
        columns = (Column(head, justify="right", no_wrap=True) for head in self._heads[:count])
        made = Table(*columns, title=self._title, caption=self._caption)
        for row in self._rows:
            made.add_row(*row[:count])
        return made


def candidate_cells(record: Record) -> list[str]:
    """Return a trained candidate's cells of the columns `CANDIDATE`."""
    costs, chance = record.outcome.costs, "" if record.can_win else ", at chance"
    return [
        str(record.candidate.number),
        f"{record.outcome.reward:.4f}",
        f"{percent(record.outcome.training.accuracy)}{chance}",
        milliseconds(costs.step_time_s),
        f"{costs.relative_step_time:.2f}x",
        count(costs.num_params),
        record.candidate.key,
    ]


def finalist_cells(one: Finalist) -> list[str]:
    """Return a finalist's cells of the columns `FINALIST`."""
    before = one.record.outcome
    reward, accuracy, spread, step_time, relative = "-", f"failed: {one.reasons}", "", "", ""
    if one.trained:
        retrained, std = one.with_retrained_metrics.outcome, one.accuracy_std
        deviation = "" if std is None else f" \u00b1 {100 * std:.2f}"
        chance = ", at chance" if one.at_chance else ""
        failed = f", {one.failed} failed" if one.failed else ""
        reward = f"{one.reward:.4f}"
        accuracy = f"{100 * retrained.training.accuracy:.2f}{deviation} %{chance}{failed}"
        spread = f"{100 * min(one.accuracies):.2f} to {100 * max(one.accuracies):.2f}"
        step_time = milliseconds(retrained.costs.step_time_s)
        relative = f"{retrained.costs.relative_step_time:.2f}x"
    return [
        *(str(one.record.candidate.number), reward, accuracy, spread, step_time),
        *(f"{one.rank_after_search}.", f"{before.reward:.4f}", relative),
        count(before.costs.num_params),
    ]


def top_table(records: Sequence[Record], *, rows: int = 5, title: str = "") -> FittingTable:
    """Return the candidates of the highest reward; those at chance come last and are marked."""
    trained = at_highest_rung(records)
    trained.sort(key=lambda r: (not r.can_win, -r.outcome.reward, r.candidate.number))
    shown = trained[:rows]
    kind = "trained candidates"
    if any(record.outcome.training.rung for record in trained):
        kind = f"candidates that reached rung {trained[0].rung}"
    title = title or f"Top {len(shown)} of {len(trained)} {kind}"
    return table(title, CANDIDATE, map(candidate_cells, shown))


def front_table(records: Sequence[Record], *, rows: int = 8) -> FittingTable:
    """Return the front of accuracy, step time and params; evenly spaced rows of a long one."""
    front = pareto_front(records)
    step = max(1.0, (len(front) - 1) / max(rows - 1, 1))
    shown = [front[round(index * step)] for index in range(min(rows, len(front)))]
    some = counted(len(front), "candidate")
    title = f"Pareto front of accuracy, step time and params: {some}"
    if len(shown) < len(front):
        title += f", {len(shown)} of them here"
    return table(title, CANDIDATE, map(candidate_cells, shown))


def finals_table(finals: Finals) -> FittingTable:
    """Return the finalists with mean and standard deviation of their further trainings."""
    rows = []
    for one in finals.finalists:
        number, *cells = finalist_cells(one)[:FINALIST_ON_CONSOLE]
        mark = "* " if one is finals.winner else ""
        # Not every console has the sign.
        rows.append([mark + number, *(cell.replace("\u00b1", "+-") for cell in cells)])
    trainings = finals.finalists[0].trainings
    times, epochs = (
        counted(len(trainings), "more time"),
        counted(trainings[0].epochs, "epoch"),
    )
    title = f"{counted(len(rows), 'finalist')}, each trained {times}, {epochs}"
    caption = "before: after the search; * wins"
    if len(trainings) > 1:
        caption = f"mean +- std over seeds; {caption}"
    return table(title, FINALIST[:FINALIST_ON_CONSOLE], rows, caption=caption)


def table(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str | None = None,
) -> FittingTable:
    """Return a table for the console; see `FittingTable`."""
    return FittingTable(title, heads, rows, caption=caption)


def percent(share: float) -> str:
    """Return a share in [0, 1] as a percentage."""
    return f"{100 * share:.2f} %"


def milliseconds(seconds: float) -> str:
    """Return a time in milliseconds."""
    return f"{1e3 * seconds:.1f} ms"


def count(number: int) -> str:
    """Return a count in thousands, millions or billions, with three digits."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)
