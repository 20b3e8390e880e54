"""Files of torch.compile: private to a training, and none are left by a killed one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search_space.architecture_file import save_architecture
from tests.toys.training import architecture_file
from trainer.run.compiler_cache import VARIABLE, of_compiler, own_compiler_cache
from trainer.train_cli import main

ROOT = Path(__file__).parents[3]
COMMAND = "from nas.commands import train as run; raise SystemExit(run())"
FLAGS = "--arch toy.json --data digits --epochs 0.3 --device cpu --threads 1 --name run --compile"


def test_the_folder_is_private_and_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with own_compiler_cache():
        folder = Path(os.environ[VARIABLE])
        assert folder.stat().st_mode & 0o777 == 0o700
    assert VARIABLE not in os.environ
    assert not folder.exists()


def test_a_folder_that_the_user_chose_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with own_compiler_cache():
        assert os.environ[VARIABLE] == str(tmp_path)
    assert os.environ[VARIABLE] == str(tmp_path)
    assert tmp_path.exists()


def test_errors_of_the_compiler_are_told_from_others() -> None:
    from torch._inductor.exc import CppCompileError

    assert of_compiler(CppCompileError(["g++", "x.cpp"], "g++: fatal error: Terminated signal"))
    assert not of_compiler(RuntimeError("The size of tensor a must match"))


def test_a_signal_that_ends_the_compiler_stops_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`timeout` signals the whole process group, and thus the compiler before the command."""
    from torch._inductor.exc import CppCompileError

    def compile_and_be_signalled(*args: object, **options: object) -> bool:
        signal.raise_signal(signal.SIGTERM)
        raise CppCompileError(["g++"], "g++: fatal error: Terminated signal")

    monkeypatch.chdir(tmp_path)
    save_architecture(tmp_path / "toy.json", architecture_file())
    monkeypatch.setattr("trainer.train_cli.train", compile_and_be_signalled)
    monkeypatch.setattr("torch.set_num_threads", lambda number: None)
    assert main(FLAGS.split()) == 128 + signal.SIGTERM
    assert capsys.readouterr().err.splitlines()[-1] == "nas-train: stopped by SIGTERM"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_that_is_killed_while_it_compiles_does_no_harm_to_the_next(
    tmp_path: Path,
) -> None:
    save_architecture(tmp_path / "toy.json", architecture_file())
    environment = {
        **{name: value for name, value in os.environ.items() if name != VARIABLE},
        "PYTHONPATH": str(ROOT),
        "NAS_CACHE_DIR": str(tmp_path / "cache"),
        "TMPDIR": "/tmp",
    }
    words = [sys.executable, "-c", COMMAND, *FLAGS.split()]
    before = set(Path("/tmp").glob("nas-compiler-*"))
    killed = subprocess.Popen(words, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)
    libraries: list[Path] = []
    while not libraries and killed.poll() is None:
        made = set(Path("/tmp").glob("nas-compiler-*")) - before
        libraries = [path for folder in made for path in folder.rglob("*.so")]
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    assert libraries
    for library in libraries:
        os.truncate(library, library.stat().st_size // 2)
    done = subprocess.run(
        [*words, "--resume"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not any(library.exists() for library in libraries)
