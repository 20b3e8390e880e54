"""Groups of images that stay together, such as those of one patient, from a column's values."""

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from math import isnan

import numpy as np

from search_space.counted import counted
from trainer.data.labels import Indices
from trainer.data.sources.label_cells import MISSING

# The column that is used if none is named.
GROUP_COLUMN = "group"


def find_group_column(place: str, columns: Iterable[str], asked: str | None) -> str | None:
    """Return the column of the groups: the one `asked` for, or ``group`` if there is one.

    An empty name means no groups. `place` is the table, for error messages.

    Raises:
        ValueError: If there is no column of the name that was asked for; lists the columns.
    """
    columns = [*columns]
    if asked is None:
        return GROUP_COLUMN if GROUP_COLUMN in columns else None
    if asked and asked not in columns:
        near = get_close_matches(asked, columns, n=1)
        perhaps = f" (did you mean {near[0]}?)" if near else ""
        raise ValueError(
            f"{place} has no column {asked!r} for --group-column{perhaps}; its columns are: "
            f"{', '.join(columns) or 'none'}"
        )
    return asked or None


def refuse_group_column(place: str, asked: str | None) -> None:
    """Raise if a column of groups was asked for in a data set that has no columns.

    Raises:
        ValueError: If so.
    """
    if asked:
        raise ValueError(
            f"{place} has no columns, so --group-column {asked} cannot be used; it is for parquet "
            f"files, hub data and tables such as labels.csv"
        )


def group_codes(
    place: str, column: str, values: Mapping[str, Sequence[object]]
) -> tuple[dict[str, Indices], str]:
    """Return the groups of every split as numbers that are equal for equal values.

    Images whose value is missing (None, NaN, an empty text or "nan") are a group each. Numbers and
    texts of the same number are equal.

    Args:
        place: The data set, for error messages.
        column: The column of the values.
        values: The column's values by split.

    Returns:
        (count,) int64 by split, and a sentence with the number of groups.

    Raises:
        ValueError: If a value is a list or a mapping.
    """
    numbers: dict[object, int] = {}
    codes: dict[str, Indices] = {}
    for split, cells in values.items():
        rows = []
        for row, cell in enumerate(cells):
            if not isinstance(cell, Hashable):
                raise ValueError(
                    f"{place}, split {split}, row {row}: column {column!r} must have single "
                    f"values as groups, got {type(cell).__name__}"
                )
            key = object() if _is_missing(cell) else _name(cell)
            rows.append(numbers.setdefault(key, len(numbers)))
        codes[split] = np.array(rows, dtype=np.int64)
    count = len(np.unique(codes["train"]))
    note = f"images with the same {column!r} stay together: {counted(count, 'group')} in train"
    return codes, note


def _name(cell: object) -> str:
    """Return a value as a text; 1, 1.0 and "1" are the same group, as in tables of pandas."""
    text = str(cell).strip()
    whole = re.fullmatch(r"(-?\d+)\.0*", text)
    return whole[1] if whole else text


def _is_missing(cell: object) -> bool:
    if isinstance(cell, str):
        return not cell.strip() or cell.strip().lower() in MISSING
    return cell is None or (isinstance(cell, float) and isnan(cell))
