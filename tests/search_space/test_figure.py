"""Figures depend on no setting of matplotlib, no home folder and no display."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from search_space.figure import drawn, new_figure

DRAW = """
import os, sys
from search_space.figure import drawn, new_figure

before = dict(os.environ)
figure = new_figure("title", width=2, height=1)
figure.subplots().set_title("axes")
sys.stdout.buffer.write(drawn(figure, "png"))
sys.exit(dict(os.environ) != before)
"""


@pytest.fixture(scope="module")
def usual_drawing() -> bytes:
    command = [sys.executable, "-c", DRAW]
    drawing = subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
    assert drawing.startswith(b"\x89PNG")
    return drawing


@pytest.mark.parametrize(
    "environment",
    [
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},  # of a notebook
        {"MPLBACKEND": "nonsense", "HOME": "/dev/null", "DISPLAY": ""},
        {"MPLCONFIGDIR": "/dev/null/x"},
    ],
)
def test_a_figure_is_the_same_in_every_environment(
    tmp_path: Path, environment: dict[str, str], usual_drawing: bytes
) -> None:
    # Settings in the current folder, which matplotlib reads.
    tmp_path.joinpath("matplotlibrc").write_text("text.usetex: True\nfont.size: 40\nnonsense\n")
    done = subprocess.run(
        [sys.executable, "-c", DRAW],
        env={**os.environ, "TMPDIR": str(tmp_path), **environment},
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == usual_drawing
    assert [path.name for path in tmp_path.iterdir()] == ["matplotlibrc"]


@pytest.mark.parametrize(
    "title", ["$x", "a_b\\c", "$\\frac{$", "\u732b", "a\x1b\n\udcff", "x" * 300]
)
def test_any_title_can_be_drawn(title: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = new_figure(title, width=2, height=1)
        assert drawn(figure, "png").startswith(b"\x89PNG")
        assert b"<svg" in drawn(figure, "svg")


def test_nothing_draws_before_a_figure_is_needed() -> None:
    code = (
        "import sys, nas.cli, trainer.train_cli, trainer.time_cli, nas.scale_command;"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
