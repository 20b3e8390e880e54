"""Settings in which runs differ."""

from collections.abc import Mapping, Sequence
from typing import Any

from nas.report.frame.table import Column, Row, Table

_MISSING = object()


def differing(
    settings: Sequence[Mapping[str, Any]], *, left_out: Sequence[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return the settings that are not the same in all runs: name -> the value in each, in words.

    Args:
        settings: Settings of each run by dotted name.
        left_out: Settings that differ without an effect on the results.
    """
    names = dict.fromkeys(name for one in settings for name in one)
    found = {}
    for name in names:
        values = [one.get(name, _MISSING) for one in settings]
        if name not in left_out and any(value != values[0] for value in values):
            found[name] = tuple(map(_words, values))
    return found


def differences_table(
    name: str, runs: Sequence[str], found: Mapping[str, tuple[str, ...]]
) -> Table:
    """Return the settings that differ, one row each and one column a run."""
    return Table(
        name=name,
        caption="Settings that differ",
        columns=(Column(head="setting"), *(Column(head=run) for run in runs)),
        rows=tuple(Row((setting, *values)) for setting, values in found.items()),
    )


def _words(value: object) -> str:
    if value is _MISSING:
        return "not there"
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
