"""The heat map of a confusion matrix: shades, and the worst part of many classes."""

from nas.report.training_page.confusion import MAX_CLASSES, HeatCell, heat_map


def test_shades_are_shares_of_the_row() -> None:
    heat = heat_map(((30, 9, 1), (0, 0, 0), (1, 0, 999)), ("a", "b", "c"))
    assert heat.class_names == ("a", "b", "c")
    assert heat.others is None
    assert heat.rows[0] == (
        HeatCell(count=30, level=8, is_right=True),  # 75 % of 40
        HeatCell(count=9, level=2),  # 22.5 %
        HeatCell(count=1, level=1),  # 2.5 %, which is not nothing
    )
    assert [cell.level for cell in heat.rows[1]] == [0, 0, 0]  # a class without images
    assert [cell.level for cell in heat.rows[2]] == [1, 0, 10]


def test_of_many_classes_the_worst_pairs_are_shown() -> None:
    count = 200
    matrix = [[0] * count for _ in range(count)]
    for index in range(count):
        matrix[index][index] = 50
    for number in range(20):  # class 190 is taken for 5 once, 191 for 6 twice, ...
        matrix[180 + number][5 + number] = 1 + number
    heat = heat_map(tuple(map(tuple, matrix)), tuple(f"class {n}" for n in range(count)))
    assert len(heat.class_names) == MAX_CLASSES == 16
    # The 8 pairs with most mistakes: 199 taken for 24, down to 192 taken for 17.
    shown = [*range(17, 25), *range(192, 200)]
    assert heat.class_names == tuple(f"class {n}" for n in shown)
    last = heat.rows[-1]
    assert [cell.count for cell in last] == [0] * 7 + [20] + [0] * 7 + [50]
    assert heat.others is not None
    assert [cell.count for cell in heat.others] == [0] * 16
    assert heat.num_classes == 200


def test_predictions_of_classes_that_are_not_shown_are_counted() -> None:
    matrix = [[0] * 17 for _ in range(17)]
    for index in range(16):
        matrix[index][index] = 4
        matrix[index][(index + 1) % 16] = 4
    matrix[0][16] = 2  # taken for the only class that has no room
    heat = heat_map(tuple(map(tuple, matrix)), tuple("abcdefghijklmnopq"))
    assert heat.class_names == tuple("abcdefghijklmnop")
    assert heat.others is not None
    assert [cell.count for cell in heat.others] == [2] + [0] * 15
    assert heat.others[0].level == 2  # of 10 images


def test_a_network_without_mistakes_has_a_heat_map_too() -> None:
    matrix = tuple(tuple(3 * (row == column) for column in range(40)) for row in range(40))
    heat = heat_map(matrix, tuple(map(str, range(40))))
    assert heat.class_names == tuple(map(str, range(MAX_CLASSES)))
