"""The display of a training on terminals of fixed width, and without a terminal."""

import io
import re
from types import SimpleNamespace

import pytest
from rich.cells import cell_len
from rich.console import Console

from tests.toys.training import recipe
from trainer.fit.evaluation import Evaluation
from trainer.fit.plan import make_plan
from trainer.fit.step import StepReport
from trainer.run.display import ConsoleDisplay

STEPS = 400  # 100 epochs of 64 images by 16, the second half at 16 px
CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def report(step: int) -> StepReport:
    return StepReport(
        step=step,
        phase=int(step > STEPS // 2),
        loss=1.25,
        top1=0.5,
        learning_rate=0.1,
        applied=True,
        wait_s=0.0005,
        images=16,
        seconds=1.0,
        train_seconds=float(step),
    )


def displayed(width: int, *, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines of the first 21 steps, of a second each, and an evaluation of 4 s."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("trainer.run.display.time", SimpleNamespace(monotonic=lambda: clock.now))
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=width, color_system=None)
    settings = recipe(duration={"epochs": 100}, evaluate_every={"epochs": 10})
    plan = make_plan(settings, num_images=64, train_size=16, eval_size=16, seed=0)
    with ConsoleDisplay(console).progress(plan, 0, evaluated_images=0) as shown:
        for step in range(1, 41):
            clock.now += 1.0
            shown.stepped(report(step))
        clock.now += 4.0
        shown.evaluated(40, Evaluation(top1=0.5, top5=1.0, loss=1.0, num_images=9), None)
    return CODES.sub("", stream.getvalue()).replace("\r", "\n").split("\n")


@pytest.mark.parametrize("width", [60, 80])
def test_bar_step_and_time_left_are_on_one_line(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = displayed(width, terminal=True, monkeypatch=monkeypatch)
    bars = [line for line in lines if line.startswith("training ")]
    assert bars
    for line in bars:
        assert cell_len(line) < width
        assert re.match(r"training ━*─* \d+/400 (-|\d+):[-\d]{2}(:\d\d)? left(  |$)", line)


def test_the_time_of_the_whole_is_told_once_and_knows_the_larger_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = displayed(120, terminal=False, monkeypatch=monkeypatch)
    told = [line for line in lines if line.startswith("about ")]
    # After 11 steps: 189 steps of 1 s and 200 of 4 s, because the images have 4 times the area.
    assert told == [
        "about 16:29 for the rest of the training with its evaluations, estimated from 11 steps"
    ]


def test_without_a_terminal_a_line_comes_every_half_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = displayed(120, terminal=False, monkeypatch=monkeypatch)
    assert [line for line in lines if line.startswith("step ")] == [
        "step 30 of 400, 16:10 left, phase 1/2 at 8 px, epoch 7.5, loss 1.250, top-1 50.0%, "
        "16 images/s, data wait 0.5 ms"
    ]
    assert any("top-1 / top-5 50.00% / 100.00%" in line for line in lines)
