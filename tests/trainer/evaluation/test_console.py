"""Tables of an evaluation: the worst classes and pairs, and names that are shown as they are."""

import io
from dataclasses import replace

from search_space.command_line.terminal import PlainConsole
from tests.trainer.evaluation.test_files import record
from trainer.evaluation.console import show_evaluation
from trainer.evaluation.record import ClassResult, EvaluationRecord


def shown(evaluation: EvaluationRecord, width: int = 100) -> str:
    stream = io.StringIO()
    show_evaluation(evaluation, PlainConsole(file=stream, width=width))
    return stream.getvalue()


def test_undefined_shares_are_dashes() -> None:
    # Of a "dog" no image is predicted so; of =1+1 there is no image.
    text = shown(record())
    starts = ('│ a "dog"', "│ =1+1")
    dog, none, *_ = (line for line in text.splitlines() if line.startswith(starts))
    assert [cell.strip() for cell in dog.split("│")[2:6]] == ["1", "-", "0.0 %", "0.0 %"]
    assert [cell.strip() for cell in none.split("│")[2:6]] == ["0", "0.0 %", "-", "0.0 %"]
    assert "toy on 2 images of pets (test), averaged weights, fp32" in text


def test_of_many_classes_the_worst_are_shown() -> None:
    classes = [
        ClassResult(name=f"kind {i}", support=9, precision=0.5, recall=0.5, f1=(i * 7 % 30) / 30)
        for i in range(30)
    ]
    many = replace(
        record(),
        class_names=tuple(one.name for one in classes),
        per_class=tuple(classes),
        confusion=None,
    )
    text = shown(many)
    assert "the 10 worst of 30 classes at 16 px" in text
    names = [line.split("│")[1].strip() for line in text.splitlines() if "│ kind" in line]
    # i * 7 % 30 is 0, 1, ... 9 for these
    assert names == [f"kind {i}" for i in (0, 13, 26, 9, 22, 5, 18, 1, 14, 27)]
    assert "mistakes" not in text


def test_names_cannot_control_the_terminal() -> None:
    odd = ("[red]cat[/red]", "dog\x1b[31m", ":smile:")
    classes = tuple(
        replace(one, name=name) for one, name in zip(record().per_class, odd, strict=True)
    )
    text = shown(replace(record(), class_names=odd, per_class=classes, name="[bold]run"))
    assert "[red]cat[/red]" in text
    assert "dog\\x1b[31m" in text
    assert ":smile:" in text
    assert "[bold]run on 2 images" in text
    assert "\x1b" not in text
