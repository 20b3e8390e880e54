"""The tables of candidates, of the Pareto front and of finalists."""

from nas.analysis.ranking import pareto_front
from nas.candidate import Record, State
from nas.finalists.finalists import Finalist
from nas.report.frame.table import Cell, Column, Mark, Row, Table
from nas.report.search_page.plain_names import STATES, option_name, quantity
from nas.report.search_page.search_run import SearchRun
from search_space.counted import counted

_MAIN = ("accuracy", "step_time_s", "relative_step_time", "num_params", "macs")
_MAIN_IF_MEASURED = ("latency_s", "rung")
_LAST = ("reason", "seconds", "worker")


def candidates_table(run: SearchRun) -> Table:
    """Return every candidate, the highest reward first, then those that were not trained."""
    records = sorted(run.records, key=lambda one: (not one.can_win, *_order(one)))
    metrics = [record.outcome.metrics.to_dict() for record in records]
    names = dict.fromkeys(name for one in metrics for name in one)
    main = [name for name in (*_MAIN, *_MAIN_IF_MEASURED) if name in names]
    others = [name for name in names if name not in main]
    decisions = [decision.name for decision in run.space.decisions()]
    marks = _Marks(run)
    columns = (
        *_leading_columns(),
        *(quantity(name).column(is_main=True) for name in main),
        *(quantity(name).column() for name in [*decisions, *others, *_LAST, "key"]),
    )
    rows = []
    for record, known in zip(records, metrics, strict=True):
        outcome, chosen = record.outcome, record.candidate.choices
        last: tuple[Cell, ...] = (
            *(outcome.reason or None, outcome.seconds, outcome.worker or None),
            record.candidate.key,
        )
        cells: tuple[Cell, ...] = (
            *_leading_cells(record, marks),
            *(quantity(name).cell(known.get(name)) for name in main),
            *(_option(chosen.get(name)) for name in decisions),
            *(quantity(name).cell(known.get(name)) for name in others),
            *last,
        )
        rows.append(Row(cells, marks.row(record)))
    caption = f"{counted(len(rows), 'candidate')}, highest reward first"
    return Table(name="candidates", caption=caption, columns=columns, rows=tuple(rows))


def front_table(run: SearchRun) -> Table:
    """Return the Pareto front of accuracy, step time and parameters, the most accurate first."""
    front, marks = pareto_front(run.records), _Marks(run)
    columns = (*_leading_columns(), *(quantity(name).column(is_main=True) for name in _MAIN))
    return Table(
        name="pareto-front",
        caption="Pareto front of accuracy, step time and parameters, most accurate first",
        columns=(*columns, quantity("key").column(is_main=True)),
        rows=tuple(
            Row(
                (*_leading_cells(one, marks), *_main_cells(one), one.candidate.key),
                marks.row(one),
            )
            for one in front
        ),
    )


def finalists_table(run: SearchRun) -> Table:
    """Return the finalists, the best after their further trainings first."""
    finalists = run.finals.finalists if run.finals else ()
    first = run.finals.winner if run.finals else None
    columns = (
        Column(head="candidate"),
        Column(head="note"),
        Column(head="reward", digits=4),
        Column(head="mean accuracy", unit="%", digits=2),
        Column(head="standard deviation", unit="points", digits=2),
        Column(head="lowest", unit="%", digits=2),
        Column(head="highest", unit="%", digits=2),
        Column(head="trainings", is_main=False),
        Column(head="step time", unit="ms", digits=2, is_main=False),
        Column(head="step time / reference", unit="x", digits=3),
        Column(head="parameters"),
        Column(head="accuracy in the search", unit="%", digits=2),
        Column(head="reward in the search", digits=4, is_main=False),
        Column(head="rank in the search"),
        Column(head="failed trainings", is_main=False),
        Column(head="reason", is_main=False),
    )
    rows = tuple(_finalist_row(one, is_winner=one is first) for one in finalists)
    return Table(
        name="finalists", caption="Finalists, best reward first", columns=columns, rows=rows
    )


def _finalist_row(one: Finalist, *, is_winner: bool) -> Row:
    before = one.record.outcome
    note = "winner" if is_winner else ""
    if not one.trained:
        note = "every further training failed"
    elif one.at_chance:
        note = "at chance"
    measured: tuple[Cell, ...] = (None,) * 8
    if one.trained:
        after = one.with_retrained_metrics.outcome
        deviation = one.accuracy_std
        measured = (
            one.reward,
            100 * after.training.accuracy,
            None if deviation is None else 100 * deviation,
            100 * min(one.accuracies),
            100 * max(one.accuracies),
            len(one.trained),
            1e3 * after.costs.step_time_s,
            after.costs.relative_step_time,
        )
    cells = (
        *(one.record.candidate.number, note or None, *measured),
        *(before.costs.num_params, 100 * before.training.accuracy, before.reward),
        *(one.rank_after_search, one.failed, one.reasons or None),
    )
    return Row(cells, "best" if is_winner else "" if one.can_win else "chance")


class _Marks:
    """The note and the highlighting of each candidate."""

    def __init__(self, run: SearchRun) -> None:
        best = run.winner
        self._winner = best.candidate.number if best else None
        self._title = run.title_of_first
        finalists = run.finals.finalists if run.finals else ()
        self._finalists = {one.record.candidate.number for one in finalists}
        self._front = {record.candidate.number for record in pareto_front(run.records)}

    def note(self, record: Record) -> str | None:
        """Return the note in words; None without one."""
        number, is_trained = record.candidate.number, record.outcome.state is State.COMPLETE
        notes = (
            (self._title, number == self._winner),
            ("finalist", number in self._finalists and number != self._winner),
            ("Pareto front", number in self._front),
            ("at chance", is_trained and not record.can_win),
        )
        return ", ".join(note for note, holds in notes if holds) or None

    def row(self, record: Record) -> Mark:
        """Return the highlighting."""
        if record.candidate.number == self._winner:
            return "best"
        if record.candidate.number in self._front:
            return "front"
        return "" if record.can_win else "chance"


def _leading_columns() -> tuple[Column, ...]:
    heads = (Column(head="candidate"), Column(head="note"), Column(head="state"))
    return (*heads, quantity("reward").column(is_main=True))


def _leading_cells(record: Record, marks: _Marks) -> tuple[Cell, ...]:
    outcome = record.outcome
    reward = outcome.reward if outcome.state is State.COMPLETE else None
    return record.candidate.number, marks.note(record), STATES[outcome.state], reward


def _main_cells(record: Record) -> tuple[Cell, ...]:
    metrics = record.outcome.metrics.to_dict()
    return tuple(quantity(name).cell(metrics.get(name)) for name in _MAIN)


def _option(option: Cell) -> Cell:
    return option_name(option) if isinstance(option, str) else option


def _order(record: Record) -> tuple[float, ...]:
    return tuple(-part for part in record.rank)
