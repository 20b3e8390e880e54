"""Searches side by side: their winners, what they cost, and their settings."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from nas.report.compare_page.differences import differences_table, differing
from nas.report.compare_page.names import color_of, is_dashed
from nas.report.frame.chart import Axis, Line, Plot, Point, Points
from nas.report.frame.table import Column, Row, Table
from nas.report.search_page.search_run import SearchRun
from nas.report.search_page.status import search_status

# Settings that rewards depend on: with other ones, rewards are not comparable.
REWARD = ("w", "v", "data", "space")


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSearches:
    """What the page shows of the searches.

    Attributes:
        table: One row a search.
        settings: The settings that differ.
        chart: The best reward so far over the device time; None if no search has any.
        note: Why rewards are not comparable; empty if they are.
    """

    table: Table
    settings: Table
    chart: Plot | None
    note: str


def compare_searches(runs: Sequence[SearchRun], names: Sequence[str]) -> ComparedSearches:
    """Return searches side by side, in their order.

    Args:
        runs: The searches, at least one.
        names: A name for each.
    """
    identities = [run.files.config.identity() for run in runs]
    found = differing(identities)
    parts = [name for name in REWARD if name in found]
    note = ""
    if parts:
        one = "differs" if len(parts) == 1 else "differ"
        note = f"Rewards of these searches are not comparable: {' and '.join(parts)} {one}."
    return ComparedSearches(
        table=_table(runs, names),
        settings=differences_table("search-settings", names, found),
        chart=_chart(runs, names),
        note=note,
    )


def _table(runs: Sequence[SearchRun], names: Sequence[str]) -> Table:
    return Table(
        name="searches",
        caption="Searches and their winners",
        columns=(
            Column(head="search"),
            Column(head="state"),
            Column(head="candidates"),
            Column(head="winner"),
            Column(head="reward", digits=4),
            Column(head="accuracy", unit="%", digits=2),
            Column(head="trainings of the winner"),
            Column(head="step time", unit="ms", digits=1),
            Column(head="step time / reference", unit="x", digits=2),
            Column(head="parameters"),
            Column(head="multiply-adds", is_main=False),
            Column(head="device time", unit="s", digits=0),
            Column(head="space"),
            Column(head="sampler", is_main=False),
            Column(head="network", is_main=False),
        ),
        rows=tuple(_row(run, name) for run, name in zip(runs, names, strict=True)),
    )


def _row(run: SearchRun, name: str) -> Row:
    best, final = run.winner, run.finals.winner if run.finals else None
    spent = _spent(run)
    costs = best.outcome.costs if best else None
    return Row(
        (
            name,
            search_status(run).kind,
            run.num_finished,
            f"candidate {best.candidate.number}" if best else "none",
            best.outcome.reward if best else None,
            100 * best.outcome.training.accuracy if best else None,
            (len(final.trained) if final else 1) if best else None,
            1e3 * costs.step_time_s if costs else None,
            costs.relative_step_time if costs else None,
            costs.num_params if costs else None,
            costs.macs if costs else None,
            spent[-1] if spent else None,
            run.space.name,
            run.files.config.sampler,
            best.candidate.key if best else "",
        )
    )


def _spent(run: SearchRun) -> list[float]:
    """Return the device-seconds until each outcome, in the order in which they were recorded."""
    ordered = sorted(run.records, key=lambda one: (one.time, one.candidate.number))
    spent = (record.outcome.metrics.device_seconds for record in ordered)
    return list(accumulate(one.total if one else 0.0 for one in spent))


def _chart(runs: Sequence[SearchRun], names: Sequence[str]) -> Plot | None:
    series: list[Line | Points] = []
    for index, (run, name) in enumerate(zip(runs, names, strict=True)):
        steps = best_so_far(run)
        if not steps:
            continue
        series.append(
            Line(
                name=name,
                xy=tuple((seconds, reward) for seconds, reward, _ in steps),
                color=color_of(index),
                is_step=True,
                is_dashed=is_dashed(index),
            )
        )
        points = tuple(
            Point(
                x=seconds,
                y=reward,
                label=f"{name}, candidate {number}",
                facts=(("reward", f"{reward:.4f}"), ("device time", f"{seconds:,.0f} s")),
            )
            for seconds, reward, number in steps
        )
        series.append(Points(name="", points=points, color=color_of(index)))
    if not series:
        return None
    return Plot(
        name="rewards",
        title="Best reward so far over device time",
        x=Axis(label="device-seconds of all candidates until then", low=0),
        y=Axis(label="reward"),
        series=tuple(series),
    )


def best_so_far(run: SearchRun) -> list[tuple[float, float, int]]:
    """Return (device-seconds, reward, candidate) of each new best one, and the end of the search.

    Of a search with rungs, only candidates of the highest rung count.
    """
    ordered = sorted(run.records, key=lambda one: (one.time, one.candidate.number))
    highest = max((record.rung for record in ordered if record.can_win), default=0)
    found: list[tuple[float, float, int]] = []
    for record, seconds in zip(ordered, _spent(run), strict=True):
        reward = record.outcome.reward
        if record.can_win and record.rung == highest and (not found or reward > found[-1][1]):
            found.append((seconds, reward, record.candidate.number))
    if found and _spent(run)[-1] > found[-1][0]:
        found.append((_spent(run)[-1], *found[-1][1:]))
    return found
