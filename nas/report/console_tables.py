"""The tables that a command prints when it is through."""

from collections.abc import Sequence

from rich.table import Table

from nas.analysis.pareto import pareto_front
from nas.analysis.ranking import at_highest_rung
from nas.candidate import Record
from nas.finalists.finalists import Finalist, Finals
from nas.report.progress import count

MEASURED = ("reward", "accuracy", "step time", "relative", "params", "key")


def top_table(records: Sequence[Record], *, rows: int = 5, title: str = "") -> Table:
    """Return the candidates of the highest reward; those at chance stand last and are marked."""
    trained = at_highest_rung(records)
    trained.sort(key=lambda r: (not r.can_win, -r.outcome.reward, r.candidate.number))
    shown = trained[:rows]
    table = _table(
        title or f"Top {len(shown)} of {len(trained)} {_kind(trained)}", "candidate", *MEASURED
    )
    for record in shown:
        table.add_row(str(record.candidate.number), *_measured(record))
    return table


def front_table(records: Sequence[Record], *, rows: int = 8) -> Table:
    """Return the front of accuracy, step time and params; of a long one, evenly spread rows."""
    front = pareto_front(records)
    step = max(1.0, (len(front) - 1) / max(rows - 1, 1))
    shown = [front[round(place * step)] for place in range(min(rows, len(front)))]
    title = f"Pareto front of accuracy, step time and params: {len(front)} candidates"
    if len(shown) < len(front):
        title += f", {len(shown)} of them here"
    table = _table(title, "candidate", *MEASURED)
    for record in shown:
        table.add_row(str(record.candidate.number), *_measured(record))
    return table


def finals_table(finals: Finals) -> Table:
    """Return the finalists with the mean and the spread of their further trainings."""
    trainings = max(len(one.outcomes) for one in finals.finalists)
    epochs = finals.finalists[0].trainings[0].epochs
    title = (
        f"{len(finals.finalists)} finalists, each trained {trainings} more times, {epochs} epochs"
    )
    heads = ("reward", "mean accuracy", "range", "step time", "before")
    table = _table(title, "candidate", *heads)
    for one in finals.finalists:
        number = str(one.record.candidate.number)
        mark = "* " if one is finals.winner else ""
        table.add_row(mark + number, *_confirmed(one))
    table.caption = "mean +- std over seeds; before: rank after the search; * wins"
    return table


def _confirmed(one: Finalist) -> list[str]:
    """Return the cells of a finalist, from its reward to its place after the search."""
    before = f"{one.first_rank}."
    if not one.trained:
        return ["-", f"failed: {one.outcomes[0].reason}", "", "", before]
    confirmed, std = one.confirmed.outcome, one.accuracy_std
    low, high = 100 * min(one.accuracies), 100 * max(one.accuracies)
    spread = "" if std is None else f" +- {100 * std:.2f}"
    chance = ", at chance" if one.at_chance else ""
    failed = f", {one.failed} failed" if one.failed else ""
    return [
        f"{one.reward:.4f}",
        f"{100 * confirmed.training.accuracy:.2f}{spread} %{chance}{failed}",
        f"{low:.2f} - {high:.2f}",
        f"{1e3 * confirmed.costs.step_time_s:.1f} ms",
        before,
    ]


def _kind(trained: Sequence[Record]) -> str:
    if any(record.outcome.training.rung for record in trained):
        return f"candidates that reached rung {trained[0].rung}"
    return "trained candidates"


def _measured(record: Record) -> list[str]:
    costs, chance = record.outcome.costs, "" if record.can_win else ", at chance"
    return [
        f"{record.outcome.reward:.4f}",
        f"{100 * record.outcome.training.accuracy:.2f} %{chance}",
        f"{1e3 * costs.step_time_s:.1f} ms",
        f"{costs.relative_step_time:.2f}x",
        count(costs.num_params),
        record.candidate.key,
    ]


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title)
    for head in heads:
        table.add_column(head, justify="right")
    return table
