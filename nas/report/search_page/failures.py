"""Candidates without a result, by their reason."""

from collections import defaultdict

from nas.candidate import State
from nas.report.frame.table import Column, Row, Table
from nas.report.search_page.plain_names import STATES
from nas.report.search_page.search_run import SearchRun

MAX_NUMBERS = 12  # candidates that are named for one reason


def failures_table(run: SearchRun) -> Table:
    """Return the reasons why candidates have no result, the most frequent first."""
    numbers: defaultdict[tuple[State, str], list[int]] = defaultdict(list)
    for record in sorted(run.records, key=lambda one: one.candidate.number):
        if record.outcome.state is not State.COMPLETE:
            numbers[record.outcome.state, record.outcome.reason].append(record.candidate.number)
    ordered = sorted(numbers.items(), key=lambda pair: (-len(pair[1]), pair[1]))
    return Table(
        name="failures",
        caption="Reasons, most frequent first",
        columns=(
            Column(head="what happened"),
            Column(head="reason"),
            Column(head="candidates"),
            Column(head="their numbers"),
        ),
        rows=tuple(
            Row((STATES[state], reason, len(found), _listed(found)))
            for (state, reason), found in ordered
        ),
    )


def deaths_note(run: SearchRun) -> str:
    """Return a sentence on workers that died; empty if none did."""
    deaths = sum(record.deaths for record in run.records)
    if not deaths:
        return ""
    if deaths == 1:
        return "1 worker died while it tried a candidate, and was replaced."
    return f"{deaths} workers died while they tried a candidate, and were replaced."


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:MAX_NUMBERS]))
    more = len(numbers) - MAX_NUMBERS
    return f"{shown} and {more} more" if more > 0 else shown
