"""Formats of predictions: table, CSV and JSON; names are text whatever they contain."""

import csv
import io
import json

from search_space.command_line.terminal import PlainConsole
from trainer.inference.formats import csv_lines, json_lines, table
from trainer.inference.prediction import ClassProbability, Prediction

NASTY = 'a "b", [red]\x1b[31m\n:smile:'


def prediction(image: str, *classes: tuple[str, float]) -> Prediction:
    return Prediction(image=image, classes=tuple(ClassProbability(*one) for one in classes))


PLAIN = prediction("x.jpg", ("cat", 0.75), ("dog", 0.2499999917))
STRANGE = prediction(f"{NASTY}\udc80.png", (NASTY, 1.0), ("größer", 1.23456789e-9))


def test_csv_has_a_column_for_each_class_and_probability() -> None:
    assert "".join(csv_lines([PLAIN])) == (
        "image,prediction,probability,class_2,probability_2\nx.jpg,cat,0.75,dog,0.25\n"
    )
    assert "".join(csv_lines([prediction("x", ("cat", 1.0))])) == (
        "image,prediction,probability\nx,cat,1.0\n"
    )
    assert list(csv_lines([])) == []


def test_csv_escapes_controls_and_keeps_other_characters() -> None:
    lines = "".join(csv_lines([STRANGE]))
    assert "\x1b" not in lines
    _, row = csv.reader(io.StringIO(lines))
    assert row == [
        'a "b", [red]\\x1b[31m\\n:smile:\\udc80.png',
        'a "b", [red]\\x1b[31m\\n:smile:',
        "1.0",
        "größer",
        "1.23457e-09",
    ]


def test_json_is_one_list_with_a_line_for_each_image() -> None:
    text = "".join(json_lines([PLAIN, STRANGE]))
    assert text.count("\n") == 4
    assert text.isascii()
    first, second = json.loads(text)
    assert first == {
        "image": "x.jpg",
        "prediction": "cat",
        "probability": 0.75,
        "classes": [
            {"class": "cat", "probability": 0.75},
            {"class": "dog", "probability": 0.25},
        ],
    }
    assert second["image"] == f"{NASTY}\udc80.png"  # exactly, for programs
    assert second["classes"][1] == {"class": "größer", "probability": 1.23457e-09}
    assert list(json_lines([])) == []


def shown(*predictions: Prediction) -> str:
    stream = io.StringIO()
    PlainConsole(file=stream, width=80).print(table(predictions, "title [red]"))
    return stream.getvalue()


def test_the_table_fits_in_80_columns_and_folds_long_names() -> None:
    long = prediction("folder/" * 30 + "end.jpg", ("c" * 60, 0.5), ("d" * 60, 0.4), ("e", 0.1))
    text = shown(long, PLAIN)
    assert max(map(len, text.splitlines())) <= 80
    together = text.replace("\n", "").replace(" ", "").replace("│", "")
    assert "75.0%" in together
    assert "50.0%" in together
    assert text.count("c" * 5) > 1  # nothing is cut
    assert "…" not in text


def test_the_table_shows_names_as_text() -> None:
    text = shown(STRANGE)
    assert "\x1b" not in text
    assert "[red]" in text
    assert ":smile:" in text.replace("\n", "")
    assert "100.0 %" in text


def test_a_table_of_one_class_has_no_further_column() -> None:
    assert "next" not in shown(prediction("x", ("cat", 1.0)))
