"""The confusion matrix as a heat map that stays readable: the worst part of many classes."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.evaluation.record import Counts

MAX_CLASSES = 16  # in the heat map
LEVELS = 10  # of shades


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """One number of the heat map.

    Attributes:
        count: Images of the row's class with the column's prediction.
        level: Shade by the share of the row, from 0 for none to `LEVELS` for all.
        is_right: Whether the prediction is the class.
    """

    count: int
    level: int
    is_right: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """Some classes with their confusions; the rows are true classes.

    Attributes:
        class_names: The classes that are shown, in the order of the data set.
        rows: For each class its cells, one for each shown class.
        others: For each class its images with any other prediction; None if all classes are
            shown.
        num_classes: Number of all classes.
    """

    class_names: tuple[str, ...]
    rows: tuple[tuple[HeatCell, ...], ...]
    others: tuple[HeatCell, ...] | None
    num_classes: int


def heat_map(confusion: Counts, class_names: Sequence[str]) -> HeatMap:
    """Return the heat map of all classes, or of the most confused ones.

    Of many classes, those of the pairs with the most mistakes are shown, the worst pairs first,
    until `MAX_CLASSES` are found.

    Args:
        confusion: Number of images by true class (rows) and predicted class (columns).
        class_names: Names by class.
    """
    count = len(class_names)
    shown = list(range(count)) if count <= MAX_CLASSES else _most_confused(confusion)
    totals = [sum(row) for row in confusion]
    rows = tuple(
        tuple(
            HeatCell(
                count=confusion[true][predicted],
                level=_level(confusion[true][predicted], totals[true]),
                is_right=true == predicted,
            )
            for predicted in shown
        )
        for true in shown
    )
    left = [
        totals[true] - sum(cell.count for cell in row)
        for true, row in zip(shown, rows, strict=True)
    ]
    others = tuple(
        HeatCell(count=number, level=_level(number, totals[true]))
        for true, number in zip(shown, left, strict=True)
    )
    return HeatMap(
        class_names=tuple(class_names[index] for index in shown),
        rows=rows,
        others=others if len(shown) < count else None,
        num_classes=count,
    )


def _most_confused(confusion: Counts) -> list[int]:
    """Return `MAX_CLASSES` classes, in the order of the data set."""
    pairs = [
        (-number, true, predicted)
        for true, row in enumerate(confusion)
        for predicted, number in enumerate(row)
        if number and true != predicted
    ]
    found: dict[int, None] = {}
    for _, true, predicted in sorted(pairs):
        if len(found.keys() | {true, predicted}) > MAX_CLASSES:
            continue
        found |= dict.fromkeys((true, predicted))
    # A network without mistakes has no such pairs: the first classes are as good as any.
    for index in range(len(confusion)):
        if len(found) < MAX_CLASSES:
            found.setdefault(index)
    return sorted(found)


def _level(count: int, total: int) -> int:
    """Return the shade of a share; any image at all has at least the lightest one."""
    return max(1, round(LEVELS * count / total)) if count else 0
