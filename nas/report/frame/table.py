"""Tables of a report page: columns with units, and cells that are numbers or text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from search_space.checks import require

Cell = float | int | str | bool | None
Mark = Literal["", "best", "front", "chance"]
_SIGNIFICANT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table.

    Attributes:
        head: Name in plain words.
        unit: Unit of the numbers, such as ``ms`` or ``%``; empty for text and counts.
        digits: Digits after the decimal point of floats; None for four significant digits.
        is_main: Whether it is shown at first and printed. The others are shown on demand, and are
            in the CSV file.
    """

    head: str
    unit: str = ""
    digits: int | None = None
    is_main: bool = True

    @property
    def full_head(self) -> str:
        """The head of the CSV file: the name, and the unit in parentheses."""
        return f"{self.head} ({self.unit})" if self.unit else self.head

    def text(self, cell: Cell) -> str:
        """Return the cell as it is shown; empty for None."""
        if cell is None:
            return ""
        if isinstance(cell, bool):
            return "yes" if cell else "no"
        if isinstance(cell, int):
            return f"{cell:,}"
        if isinstance(cell, float):
            return (
                f"{cell:.{_SIGNIFICANT}g}" if self.digits is None else f"{cell:,.{self.digits}f}"
            )
        return cell


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table.

    Attributes:
        cells: One cell a column, numbers in the column's unit.
        mark: Highlights the row. Colour alone tells nothing to some readers, so that a cell has
            to say the same.
    """

    cells: tuple[Cell, ...]
    mark: Mark = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that the page sorts, searches and offers as a CSV file.

    Attributes:
        name: Identifies it on the page, and names its CSV file: letters, digits and hyphens.
        caption: What the rows are, in plain words.
        columns: The columns.
        rows: The rows, in the order that is shown first.

    Raises:
        ValueError: If a row has not one cell for each column, or the name has other characters.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    def __post_init__(self) -> None:
        require_name("Table.name", self.name)
        for row in self.rows:
            have = f"{len(self.columns)} cells"
            require(len(row.cells) == len(self.columns), "Row.cells", have, len(row.cells))

    @property
    def is_number(self) -> tuple[bool, ...]:
        """Whether each column has numbers, and no text."""
        return tuple(
            _is_numeric([row.cells[index] for row in self.rows])
            for index in range(len(self.columns))
        )

    @property
    def num_more(self) -> int:
        """Number of columns that are shown on demand."""
        return sum(not column.is_main for column in self.columns)


def require_name(owner: str, name: str) -> None:
    """Raise a ValueError unless `name` can identify an element of a page."""
    is_plain = name.isascii() and name.replace("-", "").isalnum()
    require(is_plain, owner, "letters, digits and hyphens", name)


def _is_numeric(cells: Sequence[Cell]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and all(
        isinstance(cell, int | float) and not isinstance(cell, bool) for cell in known
    )
