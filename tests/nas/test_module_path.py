"""Modules of the folder in which a command is started: they are never imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from search_space.architecture_file import save_architecture
from tests.toys.training import architecture_file

ROOT = Path(__file__).parents[2]
TAKEN = "raise SystemExit('a file of the user was run')\n"
START = "from nas.module_path import leave_out_current_folder as call; call(); "
# Prints the folder of each module, relative to this project where it lies there.
LOOK = "import sys, numpy, trainer; print(numpy.__file__); print(trainer.__file__)"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder of a user with modules of common names."""
    folder = tmp_path / "project"
    (folder / "src" / "trainer").mkdir(parents=True)
    (folder / "trainer").mkdir()
    for name in ("numpy", "torch", "scaling", "src/numpy", "trainer/__init__", "datasets"):
        (folder / f"{name}.py").write_text(TAKEN)
    return folder


def output(code: str, folder: Path, path: str) -> list[str]:
    """Return the lines that `code` prints in `folder` with the given PYTHONPATH."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("entry", ["", ".", "src", "{project}", "{project}/src"])
def test_modules_of_the_current_folder_are_not_imported(project: Path, entry: str) -> None:
    path = os.pathsep.join([str(ROOT), entry.format(project=project)])
    numpy, trainer = output(START + LOOK, project, path)
    assert not numpy.startswith(str(project))
    assert trainer == str(ROOT / "trainer" / "__init__.py")


def test_processes_that_are_started_do_not_import_them_either(project: Path) -> None:
    child = "import subprocess; subprocess.run([sys.executable, '-c', " + repr(LOOK) + "])"
    path = os.pathsep.join([str(ROOT), "", "src", str(project)])
    numpy, trainer = output(START + "import sys; " + child, project, path)
    assert not numpy.startswith(str(project))
    assert trainer == str(ROOT / "trainer" / "__init__.py")


def test_other_folders_of_the_path_stay(project: Path, tmp_path: Path) -> None:
    """One is named by its absolute path, one holds installed packages."""
    absolute, installed = tmp_path / "absolute", project / "installed"
    (absolute / "mine").mkdir(parents=True)
    (installed / "thing-1.0.dist-info").mkdir(parents=True)
    path = os.pathsep.join([str(ROOT), str(absolute), "installed", "src"])
    look = "import os, sys; print(os.environ['PYTHONPATH']); print(*sys.path, sep=os.pathsep)"
    variable, search_path = output(START + look, project, path)
    assert variable == os.pathsep.join(map(str, (ROOT, absolute, installed)))
    assert {str(absolute), str(installed)} < set(search_path.split(os.pathsep))
    assert not {"", str(project), str(project / "src")} & set(search_path.split(os.pathsep))


def test_a_current_folder_that_was_deleted_is_no_obstacle(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = f"import os; os.rmdir({str(gone)!r}); " + START + LOOK
    _, trainer = output(code, gone, str(ROOT))
    assert trainer == str(ROOT / "trainer" / "__init__.py")


SEARCH = "nas-search --budget 1 --workers 1 --epochs 1 --finalists 0 --data digits --name run"
TRAIN = "nas-train --arch toy.json --data digits --epochs 0.3 --workers 2 --threads 1 --name run"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("words", [SEARCH, f"{SEARCH} --executor tune", f"{TRAIN} --device cpu"])
def test_workers_do_not_import_them(project: Path, tmp_path: Path, words: str) -> None:
    name, *flags = words.split()
    save_architecture(project / "toy.json", architecture_file())
    (project / "nas.py").write_text(TAKEN)
    script = tmp_path / name
    function = name.removeprefix("nas-")
    script.write_text(f"import sys; from nas.commands import {function} as f; sys.exit(f())\n")
    done = subprocess.run(
        [sys.executable, str(script), *flags],
        cwd=project,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), ""]),
            "NAS_CACHE_DIR": str(tmp_path / "cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "a file of the user was run" not in done.stdout + done.stderr
