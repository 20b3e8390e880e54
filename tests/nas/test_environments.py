"""A whole search in environments of strangers: a notebook, a pipe, names that are not text."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SEARCH = "import sys; from nas.commands import search; sys.exit(search())"
FLAGS = [
    "--budget",
    "1",
    "--workers",
    "1",
    "--epochs",
    "1",
    "--finalists",
    "0",
    "--data",
    "digits",
    "--name",
    "x",
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "reader", "folder"),
    [
        ({"MPLBACKEND": "module://matplotlib_inline.backend_inline"}, "cat", "runs"),
        ({"PYTHONOPTIMIZE": "2"}, "head -1", "[bold]$_"),
        ({"PYTHONIOENCODING": "ascii"}, "true", os.fsdecode(b"caf\xe9")),
    ],
)
def test_a_search_writes_all_its_files(
    tmp_path: Path, environment: dict[str, str], reader: str, folder: str
) -> None:
    out = tmp_path / folder
    line = f'"$0" -c "$SEARCH" "$@" | {reader}; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(
        ["bash", "-c", line, sys.executable, *FLAGS, "--out", str(out)],
        env={**os.environ, **environment, "SEARCH": SEARCH},
        capture_output=True,
        check=False,
        timeout=280,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    for name in ("best.json", "trials.csv", "report.html", "config.yaml"):
        assert (out / "x" / name).read_text(encoding="utf-8")
